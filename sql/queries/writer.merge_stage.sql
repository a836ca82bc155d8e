-- Puts staged rows in the place of those of an equal or lower version. Whole rows replace whole rows, so a repeat is harmless.
INSERT INTO weir.minute AS held (
    bucket, generation, version, n, hits, sum, min, max, last_at, last_value, series_id, partition, sketch, hll,
    items, dropped
)
SELECT bucket, generation, version, n, hits, sum, min, max, last_at, last_value, series_id, partition, sketch, hll,
    items, dropped
FROM pg_temp.minute_stage
ORDER BY series_id, partition, bucket
ON CONFLICT (series_id, partition, bucket, generation) DO UPDATE
    SET version = excluded.version, n = excluded.n, hits = excluded.hits, sum = excluded.sum, min = excluded.min,
        max = excluded.max, last_at = excluded.last_at, last_value = excluded.last_value, sketch = excluded.sketch,
        hll = excluded.hll, items = excluded.items, dropped = excluded.dropped
    WHERE excluded.version >= held.version
