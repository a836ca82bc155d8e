-- How long a resolution ($1) is kept ($2), and a shorter time that is asked for ($3) since ($4).
INSERT INTO weir.retention (resolution, keep_seconds, asked_seconds, asked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (resolution) DO UPDATE
    SET keep_seconds = excluded.keep_seconds, asked_seconds = excluded.asked_seconds, asked_at = excluded.asked_at
