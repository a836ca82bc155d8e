-- How long each resolution is kept.
SELECT resolution, keep_seconds, asked_seconds, asked_at, dropped_until FROM weir.retention
