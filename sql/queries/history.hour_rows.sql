-- As history.minute_rows, with hours where all partitions have theirs rolled up, before $6, the hour in which the first boundary
-- lies; and with minutes from there on.
WITH split (at) AS MATERIALIZED (
    SELECT least(min(hours_until), $6) FROM weir.partition_cursor
)
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.hour
WHERE series_id = ANY ($1::integer[]) AND bucket >= $2 AND bucket < $3 AND bucket < (SELECT at FROM split)
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition = ANY ($5::integer[]::smallint[])
    AND bucket >= $2 AND bucket < $3 AND bucket < ($4::timestamptz[])[partition + 1]
    AND bucket >= (SELECT at FROM split)
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition >= cardinality($5::integer[])::smallint
    AND bucket >= $2 AND bucket < $3 AND bucket >= (SELECT at FROM split)
