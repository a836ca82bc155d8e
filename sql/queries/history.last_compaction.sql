-- How the last whole pass went.
SELECT last_success_at, duration_seconds, rows_written FROM weir.compaction
