-- $1 partition smallint   $2 cursor bigint   $3 stream id text
INSERT INTO weir.partition_cursor AS held (partition, cursor, stream_id) VALUES ($1, $2, $3)
ON CONFLICT (partition) DO UPDATE SET cursor = excluded.cursor, stream_id = excluded.stream_id
WHERE excluded.cursor >= held.cursor
