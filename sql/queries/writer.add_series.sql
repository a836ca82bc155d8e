-- Adds the series (metric $1, labels $2) that do not exist.
INSERT INTO weir.series (metric, labels)
SELECT wanted.metric, wanted.labels::jsonb FROM unnest($1::text[], $2::text[]) AS wanted (metric, labels)
ON CONFLICT (metric, weir.labels_digest(labels)) DO NOTHING
