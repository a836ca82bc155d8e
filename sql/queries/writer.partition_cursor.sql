-- How far a partition ($1) was compacted and rolled up; locked, so that no other writer moves it meanwhile.
SELECT cursor, stream_id, watermark, hours_until, days_until FROM weir.partition_cursor WHERE partition = $1 FOR UPDATE
