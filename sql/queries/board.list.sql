-- The stored boards, at most $1, without their panels.
SELECT name, title, version, updated_at FROM weir.board ORDER BY name LIMIT $1
