-- The numbers of the series (metric $1, labels $2) that exist, with their places in the lists, from 1.
SELECT wanted.place, series.series_id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (metric, labels, place)
JOIN weir.series ON series.metric = wanted.metric
    AND weir.labels_digest(series.labels) = weir.labels_digest(wanted.labels::jsonb)
