-- Says how far a partition ($1) is compacted now: cursor ($2, $3), watermark ($4).
INSERT INTO weir.partition_cursor AS held (partition, cursor, stream_id, watermark, written_at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (partition) DO UPDATE
    SET cursor = excluded.cursor, stream_id = excluded.stream_id,
        watermark = greatest(held.watermark, excluded.watermark), written_at = excluded.written_at
