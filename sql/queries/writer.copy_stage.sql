-- Minutes that may have been written before.
COPY pg_temp.minute_stage (
    bucket, generation, version, n, hits, sum, min, max, last_at, last_value, series_id, partition, sketch, hll,
    items, dropped
) FROM STDIN (FORMAT binary)
