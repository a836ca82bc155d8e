-- Events of partition $1 before the boundary $2, but for the rows ($3, $4) that Redis holds anew; those of days that were dropped
-- included; and the cursor up to which rows were written, in the same snapshot.
SELECT (
        coalesce(sum(n), 0)
        + coalesce((SELECT sum(dropped.n) FROM weir.dropped_events AS dropped WHERE dropped.partition = $1), 0)
    )::bigint,
    (SELECT stream_id FROM weir.partition_cursor WHERE partition = $1)
FROM weir.minute
WHERE series_id IN (SELECT series_id FROM weir.series WHERE metric = 'events') AND partition = $1 AND bucket < $2
    AND NOT EXISTS (
        SELECT FROM weir.dropped_partition AS going
        WHERE going.dropped_at IS NULL AND going.resolution = 'minute' AND bucket >= going.first AND bucket < going.until)
    AND NOT EXISTS (
        SELECT FROM unnest($3::timestamptz[], $4::bigint[]) AS held (bucket, generation)
        WHERE held.bucket = minute.bucket AND held.generation = minute.generation)
