-- Rows of series ($1) in [$2, $3), for partition p only those before the boundary $4[p + 1]; partitions without one whole.
-- $5: the partitions that have a boundary; naming them keeps the index scan to the minutes asked for.
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition = ANY ($5::integer[]::smallint[])
    AND bucket >= $2 AND bucket < $3 AND bucket < ($4::timestamptz[])[partition + 1]
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition >= cardinality($5::integer[])::smallint
    AND bucket >= $2 AND bucket < $3
