-- Events by partition and hour of their own time in [$1, $2); from hours where the minutes were dropped.
WITH dropped (until) AS MATERIALIZED (
    SELECT coalesce((SELECT dropped_until FROM weir.retention WHERE resolution = 'minute'), '-infinity')
)
SELECT partition::integer, date_bin('1 hour', bucket, '2000-01-01 00:00:00+00') AS hour, sum(n)::bigint
FROM weir.minute
WHERE series_id IN (SELECT series_id FROM weir.series WHERE metric = 'events') AND bucket >= $1 AND bucket < $2
    AND bucket >= (SELECT until FROM dropped)
GROUP BY 1, 2
UNION ALL
SELECT partition::integer, bucket, n
FROM weir.hour
WHERE series_id IN (SELECT series_id FROM weir.series WHERE metric = 'events') AND bucket >= $1 AND bucket < $2
    AND bucket < (SELECT until FROM dropped)
