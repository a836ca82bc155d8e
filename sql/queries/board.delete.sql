-- Forgets the board $1 where it has one of the versions $2, or any where that is NULL; tells whether it was there, and is gone.
WITH gone AS (
    DELETE FROM weir.board WHERE name = $1 AND ($2::bigint[] IS NULL OR version = ANY ($2::bigint[])) RETURNING name
)
SELECT EXISTS (SELECT FROM weir.board WHERE name = $1), EXISTS (SELECT FROM gone)
