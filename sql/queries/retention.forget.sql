-- A partition (by its number $1 in the list) is dropped.
UPDATE weir.dropped_partition SET dropped_at = now() WHERE number = $1
