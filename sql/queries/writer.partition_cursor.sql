-- How far a partition ($1) was compacted; locked, so that no other writer moves it meanwhile.
SELECT cursor, stream_id, watermark FROM weir.partition_cursor WHERE partition = $1 FOR UPDATE
