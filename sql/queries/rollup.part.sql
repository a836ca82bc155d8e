-- How often buckets of a resolution ($1), of which those of $2 are made, were dropped.
SELECT count(*) FROM weir.dropped_partition WHERE resolution = $1 AND first <= $2 AND until > $2
