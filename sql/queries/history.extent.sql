-- Up to when every minute of every partition of the event stream was compacted once, and how many partitions there are.
SELECT min(watermark), count(*), (max(partition) + 1)::integer FROM weir.partition_cursor
