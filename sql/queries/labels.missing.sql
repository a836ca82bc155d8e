-- The buckets of the newest day (UTC) that weir.label_rollup lacks: step (s) and start, ascending; no row where it has all. They are
-- over, rolled up in every partition of the event stream, and their hours are still held.
WITH step (seconds) AS (
    VALUES (3600), (7200), (10800), (21600), (43200), (86400)
), held AS MATERIALIZED (
    SELECT greatest(
            min(substring(pg_get_expr(child.relpartbound, child.oid) FROM 'FROM \(''([^'']+)''\)')::timestamptz),
            (SELECT dropped_until FROM weir.retention WHERE resolution = 'hour')
        ) AS first,
        (SELECT min(hours_until) FROM weir.partition_cursor) AS until
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'weir.hour'::regclass
), missing AS MATERIALIZED (
    SELECT seconds, made.bucket
    FROM held
    CROSS JOIN step
    CROSS JOIN LATERAL
        generate_series(first, until - make_interval(secs => seconds), make_interval(secs => seconds)) AS made (bucket)
    WHERE NOT EXISTS (
        SELECT FROM weir.label_rollup_done AS done WHERE done.step = seconds AND done.bucket = made.bucket)
)
SELECT seconds, bucket FROM missing
WHERE bucket >= (SELECT date_bin('1 day', max(bucket), '2000-01-01 00:00:00+00') FROM missing)
ORDER BY bucket, seconds
