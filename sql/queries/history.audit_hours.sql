-- Events by partition and hour of their own time in [$1, $2).
SELECT partition::integer, date_bin('1 hour', bucket, '2000-01-01 00:00:00+00') AS hour, sum(n)::bigint
FROM weir.minute
WHERE series_id IN (SELECT series_id FROM weir.series WHERE metric = 'events') AND bucket >= $1 AND bucket < $2
GROUP BY 1, 2
