-- As history.hour_rows, with days where all partitions have theirs rolled up and that end by $6.
WITH split (days, hours) AS MATERIALIZED (
    SELECT least(min(days_until), date_bin('1 day', $6, '2000-01-01 00:00:00+00')), least(min(hours_until), $6)
    FROM weir.partition_cursor
)
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.day
WHERE series_id = ANY ($1::integer[]) AND bucket >= $2 AND bucket < $3 AND bucket < (SELECT days FROM split)
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.hour
WHERE series_id = ANY ($1::integer[]) AND bucket >= $2 AND bucket < $3 AND bucket >= (SELECT days FROM split)
    AND bucket < (SELECT hours FROM split)
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition = ANY ($5::integer[]::smallint[])
    AND bucket >= $2 AND bucket < $3 AND bucket < ($4::timestamptz[])[partition + 1]
    AND bucket >= (SELECT hours FROM split)
UNION ALL
SELECT series_id, bucket, n, hits, sum, min, max, last_at, last_value, sketch, hll, items::text, dropped
FROM weir.minute
WHERE series_id = ANY ($1::integer[]) AND partition >= cardinality($5::integer[])::smallint
    AND bucket >= $2 AND bucket < $3 AND bucket >= (SELECT hours FROM split)
