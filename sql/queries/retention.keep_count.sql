-- Keeps the number of events of a day's minutes [$1, $2) that are about to be dropped.
INSERT INTO weir.dropped_events AS held (partition, day, n)
SELECT partition, ($1::timestamptz AT TIME ZONE 'UTC')::date, sum(n) FROM weir.minute
WHERE series_id IN (SELECT series_id FROM weir.series WHERE metric = 'events') AND bucket >= $1 AND bucket < $2
GROUP BY partition
ON CONFLICT (partition, day) DO UPDATE SET n = held.n + excluded.n
