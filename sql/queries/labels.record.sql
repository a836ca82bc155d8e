-- Keeps the values of a metric ($1) by a label ($2) in the bucket of $3 s at $4.
INSERT INTO weir.label_rollup (
    metric, label, step, bucket, groups, n, rate, sum, mean, min, max, last, ratio, uniques, p50, p75, p90, p95, p99, "p99.9"
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ON CONFLICT (metric, label, step, bucket) DO UPDATE
    SET groups = excluded.groups, n = excluded.n, rate = excluded.rate, sum = excluded.sum, mean = excluded.mean,
        min = excluded.min, max = excluded.max, last = excluded.last, ratio = excluded.ratio, uniques = excluded.uniques,
        p50 = excluded.p50, p75 = excluded.p75, p90 = excluded.p90, p95 = excluded.p95, p99 = excluded.p99,
        "p99.9" = excluded."p99.9"
