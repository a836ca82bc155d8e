-- How long minutes and hours are kept, and what was dropped of them.
SELECT resolution, keep_seconds, dropped_until FROM weir.retention WHERE resolution IN ('minute', 'hour')
