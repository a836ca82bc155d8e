-- Stores the board $1 (title $2, body $3, time $4) where there is none of the name, and no more than $5 in all.
INSERT INTO weir.board (name, title, body, updated_at)
SELECT $1, $2, $3::text::jsonb, $4 WHERE (SELECT count(*) FROM weir.board) < $5
ON CONFLICT (name) DO NOTHING
RETURNING version
