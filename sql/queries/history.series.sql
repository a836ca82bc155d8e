-- The series of a metric ($1) with numbers from $2 on. With the newest number known it reads only what is newer: by the primary
-- key, which a condition on metric alone would lose to series_metric_labels_key as long as the table was never analyzed, and
-- bounded on both sides, since without statistics such a range counts as short.
SELECT series_id, labels::text FROM weir.series
WHERE metric || '' = $1 AND series_id BETWEEN $2 AND 2147483647
ORDER BY series_id
