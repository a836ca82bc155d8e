-- Makes the day partitions that do not exist; $1: days as numbers since 1970-01-01. How many were made.
SELECT count(*) FILTER (WHERE weir.add_minute_partition(date '1970-01-01' + day)) FROM unnest($1::integer[]) AS day
