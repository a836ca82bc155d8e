-- Decides to drop a partition: resolution ($1), name ($2), bounds ($3, $4).
WITH decided AS (INSERT INTO weir.dropped_partition (resolution, name, first, until) VALUES ($1, $2, $3, $4)),
    forgotten AS (DELETE FROM weir.rewritten_partition WHERE name = $2)
UPDATE weir.retention SET dropped_until = greatest(dropped_until, $4) WHERE resolution = $1
