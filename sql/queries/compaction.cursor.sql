-- How far history reaches into a partition; locked, so that no other compaction moves it meanwhile.  $1 partition smallint
SELECT cursor, stream_id FROM weir.partition_cursor WHERE partition = $1 FOR UPDATE
