-- Puts the staged rows into history: each whole row replaces the one it is a later version of.
INSERT INTO weir.minute AS held (
    bucket, generation, version, n, hits, sum, min, max, last_value, last_at, series_id, partition, sketch)
SELECT bucket, generation, version, n, hits, sum, min, max, last_value, last_at, series_id, partition, sketch
FROM weir_staged_minute
ON CONFLICT (series_id, bucket, partition, generation) DO UPDATE SET
    version = excluded.version, n = excluded.n, hits = excluded.hits, sum = excluded.sum, min = excluded.min,
    max = excluded.max, last_value = excluded.last_value, last_at = excluded.last_at, sketch = excluded.sketch
WHERE excluded.version >= held.version
