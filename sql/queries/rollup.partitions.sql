-- The partitions of the event stream that have the bucket of a resolution ($1) which ends at $2 rolled up.
SELECT partition FROM weir.partition_cursor
WHERE CASE $1::text WHEN 'hour' THEN hours_until WHEN 'day' THEN days_until END >= $2
ORDER BY partition
