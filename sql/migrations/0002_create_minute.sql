-- 0002_create_minute.sql
-- Purpose : history by the minute. Partitions by UTC day, weir.minute_2026_11_23, are made by weir compact.
-- Locks   : none on existing tables.   Size: one row for each series and minute with events, 110 to 250 bytes.
-- Undo    : DROP TABLE weir.minute; minutes not yet compacted are still in Redis.
--
-- A row is the part of a minute that one partition of the event stream counted in one generation of its bucket in Redis;
-- the minute is the merge of its rows (sum n, least min, merge sketches; weir.minute_view). Columns stand in the order of
-- their alignment, so that no byte is lost to padding.

CREATE TABLE weir.minute (
    bucket     timestamptz NOT NULL,
    -- Places in the event stream: 44 bits of milliseconds, 19 bits of the number within them.
    generation bigint NOT NULL,
    version    bigint NOT NULL,
    n          bigint NOT NULL,
    hits       bigint,
    sum        double precision,
    min        double precision,
    max        double precision,
    last_value double precision,
    last_at    timestamptz,
    series_id  integer  NOT NULL,
    partition  smallint NOT NULL,
    sketch     bytea,
    -- For reading a series over time, and for replacing a row.
    CONSTRAINT minute_pkey PRIMARY KEY (series_id, bucket, partition, generation),
    CONSTRAINT minute_has_events CHECK (n > 0),
    CONSTRAINT minute_version_is_later CHECK (version >= generation)
) PARTITION BY RANGE (bucket);

COMMENT ON TABLE weir.minute IS 'History by the minute; merge the rows of a series and bucket.';
COMMENT ON COLUMN weir.minute.hits IS 'Of a ratio: events for which its condition held.';
COMMENT ON COLUMN weir.minute.sketch IS 'Of a distribution: its DDSketch; weir.quantile(sketch, 0.99).';
