-- Puts staged hours in the place of those that are there.
INSERT INTO weir.hour (
    bucket, n, hits, sum, min, max, last_at, last_value, series_id, partition, part, sketch, hll, items, dropped
)
SELECT bucket, n, hits, sum, min, max, last_at, last_value, series_id, partition, part, sketch, hll, items, dropped
FROM pg_temp.hour_stage
ORDER BY series_id, bucket
ON CONFLICT (series_id, partition, bucket, part) DO UPDATE
    SET n = excluded.n, hits = excluded.hits, sum = excluded.sum, min = excluded.min, max = excluded.max,
        last_at = excluded.last_at, last_value = excluded.last_value, sketch = excluded.sketch, hll = excluded.hll,
        items = excluded.items, dropped = excluded.dropped
