-- Says how far a partition ($1) is rolled up now: its hours ($2) and its days ($3).
UPDATE weir.partition_cursor
SET hours_until = greatest(hours_until, $2), days_until = greatest(days_until, $3)
WHERE partition = $1
