-- A partition (resolution $1, name $2) is rewritten at the time $3: it took $4 seconds, has $5 rows, had $6 bytes and has those of $7.
INSERT INTO weir.rewritten_partition (
    resolution, name, tried_at, rewritten_at, seconds, rows_written, bytes_before, bytes_after
)
VALUES ($1, $2, $3, $3, $4, $5, $6, pg_total_relation_size($7::text::regclass))
ON CONFLICT (name) DO UPDATE
    SET resolution = excluded.resolution, tried_at = excluded.tried_at, problem = NULL,
        rewritten_at = excluded.rewritten_at, seconds = excluded.seconds, rows_written = excluded.rows_written,
        bytes_before = excluded.bytes_before, bytes_after = excluded.bytes_after
RETURNING bytes_after
