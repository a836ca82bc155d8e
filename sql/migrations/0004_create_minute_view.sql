-- 0004_create_minute_view.sql
-- Purpose : weir.minute with names, for people.
-- Locks   : none on existing tables.   Size: none.
-- Undo    : DROP VIEW weir.minute_view.

-- A row is still a part: add up (sum(n), sum(sum), min(min), max(max)) over what you group by. Filter by bucket, so that
-- only the days asked for are read.
CREATE VIEW weir.minute_view AS
SELECT series.metric, series.labels, minute.bucket, minute.n, minute.hits, minute.sum, minute.min, minute.max,
       minute.last_at, minute.last_value, minute.sketch, series_id, minute.partition
FROM weir.minute
JOIN weir.series USING (series_id);
COMMENT ON VIEW weir.minute_view IS 'History by the minute with metric and labels; rows of one (series, bucket) are parts to be added up.';
