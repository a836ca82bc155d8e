-- How the last whole pass went, and up to when all partitions of the event stream are compacted.
SELECT last_success_at, duration_seconds, rows_written, (SELECT min(watermark) FROM weir.partition_cursor)
FROM weir.compaction
