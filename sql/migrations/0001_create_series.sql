-- 0001_create_series.sql
-- Purpose : one row for each metric and label set that has history; the other tables name it by its number.
-- Locks   : none on existing tables.   Size: as many rows as label sets, some 150 bytes each.
-- Undo    : DROP TABLE weir.series; only with weir.minute, which refers to it.

CREATE TABLE weir.series (
    series_id integer GENERATED ALWAYS AS IDENTITY,
    metric    text  NOT NULL,
    labels    jsonb NOT NULL,
    CONSTRAINT series_pkey PRIMARY KEY (series_id),
    -- For history.series and for finding the number of a series.
    CONSTRAINT series_metric_labels_key UNIQUE (metric, labels),
    CONSTRAINT series_labels_is_object CHECK (jsonb_typeof(labels) = 'object')
);

COMMENT ON TABLE weir.series IS 'One row for each metric and label set that has history.';
