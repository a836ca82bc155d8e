-- The metrics that have series.
SELECT DISTINCT metric FROM weir.series ORDER BY metric
