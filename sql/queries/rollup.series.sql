-- The next $2 series after number $1.
SELECT series_id FROM weir.series WHERE series_id > $1 ORDER BY series_id LIMIT $2
