-- All hours of series ($2) that a partition ($1) has in [$3, $4).
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.hour
WHERE series_id = ANY ($2::integer[]) AND partition = $1 AND bucket >= $3 AND bucket < $4
