-- Their numbers, in the order asked.  $1 metrics text[]   $2 labels text[], JSON
SELECT s.series_id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (metric, labels, place)
JOIN weir.series AS s ON s.metric = wanted.metric AND s.labels = wanted.labels::jsonb
ORDER BY wanted.place
