-- Makes the partitions, of minutes, hours and days, that are missing for days; $1: their numbers since 1970-01-01. How many.
SELECT count(*) FILTER (WHERE weir.add_partition(resolution, date '1970-01-01' + day))
FROM unnest($1::integer[]) AS day, unnest('{minute,hour,day}'::text[]) AS resolution
