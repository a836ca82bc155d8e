-- The series of a metric ($1) with numbers from $2 on. With the newest number known it reads only what is newer.
SELECT series_id, labels::text FROM weir.series WHERE metric = $1 AND series_id >= $2 ORDER BY series_id
