-- $1 at timestamptz   $2 duration in seconds   $3 rows written
INSERT INTO weir.compaction (last_success_at, duration_seconds, rows_written) VALUES ($1, $2, $3)
ON CONFLICT (only_row) DO UPDATE SET last_success_at = excluded.last_success_at,
    duration_seconds = excluded.duration_seconds, rows_written = excluded.rows_written
