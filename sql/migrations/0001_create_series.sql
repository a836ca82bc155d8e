-- 0001_create_series.sql
-- Purpose : names what history rows belong to: a metric and the values of its labels.
-- Locks   : none on existing tables.   Size: one row a series, some 250 B with its indexes.
-- Undo    : DROP TABLE weir.series; DROP FUNCTION weir.labels_digest; history loses its names.

-- Label values may be longer than an index entry (2,704 B), so uniqueness goes by a digest. Immutable in truth: a database
-- never changes its encoding, which is why PostgreSQL calls convert_to only stable.
CREATE FUNCTION weir.labels_digest(labels jsonb) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN sha256(convert_to(labels::text, 'UTF8'));

CREATE TABLE weir.series (
    series_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT series_pkey PRIMARY KEY,
    metric text NOT NULL CONSTRAINT series_metric_named CHECK (metric <> ''),
    labels jsonb NOT NULL CONSTRAINT series_labels_object CHECK (jsonb_typeof(labels) = 'object')
);
COMMENT ON TABLE weir.series IS 'What history rows belong to: a metric and the values of its labels.';

-- For finding or adding a series (writer.add_series) and for the series of a metric (history.series).
CREATE UNIQUE INDEX series_metric_labels_key ON weir.series (metric, weir.labels_digest(labels));
