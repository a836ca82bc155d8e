-- Minutes that were never written before.
COPY weir.minute (
    bucket, generation, version, n, hits, sum, min, max, last_at, last_value, series_id, partition, sketch, hll,
    items, dropped
) FROM STDIN (FORMAT binary)
