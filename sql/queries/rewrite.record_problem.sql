-- A partition (resolution $1, name $2) could not be rewritten at the time $3, because of $4.
INSERT INTO weir.rewritten_partition (resolution, name, tried_at, problem) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at, problem = excluded.problem
