-- How the last whole pass went: when ($1), seconds ($2), rows ($3).
INSERT INTO weir.compaction (last_success_at, duration_seconds, rows_written) VALUES ($1, $2, $3)
ON CONFLICT (is_only) DO UPDATE
    SET last_success_at = excluded.last_success_at, duration_seconds = excluded.duration_seconds,
        rows_written = excluded.rows_written
