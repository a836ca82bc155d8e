-- Takes away what was made of hours ($1 'hour') or days ($1 'day') in [$2, $3), as these are dropped.
DELETE FROM weir.label_rollup
WHERE bucket >= $2 AND bucket < $3 AND (step < 86400) = ($1::text = 'hour') AND $1::text <> 'minute'
