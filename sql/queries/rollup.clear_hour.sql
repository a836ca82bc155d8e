-- Takes away the hours of a partition ($1) at $2, of part $3, to be rolled up anew.
DELETE FROM weir.hour
WHERE series_id IN (SELECT series_id FROM weir.series) AND partition = $1 AND bucket = $2 AND part = $3
