-- The board $1.
SELECT body::text, version FROM weir.board WHERE name = $1
