-- Makes sure that series are there.  $1 metrics text[]   $2 labels text[], JSON
INSERT INTO weir.series (metric, labels)
SELECT wanted.metric, wanted.labels::jsonb FROM unnest($1::text[], $2::text[]) AS wanted (metric, labels)
ON CONFLICT ON CONSTRAINT series_metric_labels_key DO NOTHING
