-- 0005_add_minute_sets.sql
-- Purpose : distinct values and heaviest items of a minute, for the metric kinds unique and top.
-- Locks   : ACCESS EXCLUSIVE on weir.minute for a moment; no row is rewritten.   Size: a HyperLogLog takes 3 B for each of
--           its first values and at most 12 KiB, items their texts and some 10 B each; compressed past 2 KB.
-- Undo    : ALTER TABLE weir.minute DROP COLUMN hll, DROP COLUMN items, DROP COLUMN dropped; their history is gone.

ALTER TABLE weir.minute
    ADD COLUMN hll bytea,           -- unique: a HyperLogLog, in the bytes that Redis keeps under a key
    ADD COLUMN items jsonb,         -- top: {"item": events, ...}
    ADD COLUMN dropped bigint,      -- top: events whose item was dropped; 0 where all counts are exact
    ADD CONSTRAINT minute_items_object CHECK (jsonb_typeof(items) = 'object'),
    ADD CONSTRAINT minute_dropped_counted CHECK (num_nulls(items, dropped) IN (0, 2) AND dropped >= 0);

DROP VIEW weir.minute_view;
-- A row is still a part: add up (sum(n), sum(sum), min(min), max(max)) over what you group by. Filter by bucket, so that
-- only the days asked for are read.
CREATE VIEW weir.minute_view AS
SELECT series.metric, series.labels, minute.bucket, minute.n, minute.hits, minute.sum, minute.min, minute.max,
       minute.last_at, minute.last_value, minute.sketch, minute.hll, minute.items, minute.dropped, series_id,
       minute.partition
FROM weir.minute
JOIN weir.series USING (series_id);
COMMENT ON VIEW weir.minute_view IS 'History by the minute with metric and labels; rows of one (series, bucket) are parts to be added up.';
