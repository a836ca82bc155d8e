-- History by the minute with the names of things, for people: rows of one metric, label set and minute may be several
-- (late events, several partitions); add up n, hits and sum, take the least min and the greatest max.
CREATE OR REPLACE VIEW weir.minute_view AS
SELECT s.metric, s.labels, m.bucket, m.n, m.hits, m.sum, m.min, m.max, m.last_value, m.last_at, m.sketch
FROM weir.minute AS m
JOIN weir.series AS s USING (series_id);
