-- Up to where all partitions of the event stream are rolled up.
SELECT min(hours_until), min(days_until) FROM weir.partition_cursor
