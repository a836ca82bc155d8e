-- Replaces the board $1 (title $2, body $3, time $4) where it has one of the versions $5, or any where that is NULL.
UPDATE weir.board SET title = $2, body = $3::text::jsonb, updated_at = $4, version = DEFAULT
WHERE name = $1 AND ($5::bigint[] IS NULL OR version = ANY ($5::bigint[]))
RETURNING version
