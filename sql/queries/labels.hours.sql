-- All hours of series ($1) in [$2, $3), of every partition, in the columns of history.hour_rows; without items, which have no value.
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, NULL::text, NULL::bigint
FROM weir.hour
WHERE series_id = ANY ($1::integer[]) AND bucket >= $2 AND bucket < $3
