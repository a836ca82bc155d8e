-- How far each partition of the event stream was compacted.
SELECT partition, stream_id, watermark FROM weir.partition_cursor ORDER BY partition
