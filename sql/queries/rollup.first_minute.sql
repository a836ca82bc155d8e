-- The oldest minute of a partition ($1); NULL where there is none. Reads all of its minutes: for the first roll-up only.
SELECT min(bucket) FROM weir.minute WHERE partition = $1
