-- All series of a metric ($1).
SELECT series_id, labels::text FROM weir.series WHERE metric = $1 ORDER BY series_id
