-- Days as they were just rolled up.
COPY pg_temp.day_stage (
    bucket, n, hits, sum, min, max, last_at, last_value, series_id, partition, part, sketch, hll, items, dropped
) FROM STDIN (FORMAT binary)
