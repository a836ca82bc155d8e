-- 0002_create_minute.sql
-- Purpose : history by the minute, written by `weir compact`, read by fronts and by people.
-- Locks   : none on existing tables.   Size: a counter's row 77 B, a distribution's 100 B and its sketch; and an
--           index entry of 69 B as minutes are written one after the other, of 40 B once the index is rebuilt.
-- Undo    : DROP TABLE weir.minute; what Redis still holds is not compacted again.

-- A row is what one partition's worker counted in one minute since it made the minute's bucket in Redis. Rows of one
-- (series_id, bucket) that differ in partition or generation are parts to be added up, as weir.minute_view does.
--
-- Columns go from wide to narrow, which leaves no padding. Those that a metric's kind does not keep are NULL and take no room.
CREATE TABLE weir.minute (
    bucket timestamptz NOT NULL,      -- start of the minute (UTC)
    generation bigint NOT NULL,       -- names the bucket in Redis: milliseconds << 19 | number of the entry that made it
    version bigint NOT NULL,          -- the last entry it counts, in the same form; a greater one replaces a lesser
    n bigint NOT NULL,                -- events
    hits bigint,                      -- ratio: of them, those for which `match` holds
    sum double precision,
    min double precision,
    max double precision,
    last_at timestamptz,              -- gauge: the time of the last value
    last_value double precision,
    series_id integer NOT NULL,
    partition smallint NOT NULL,      -- of the event stream
    sketch bytea,                     -- distribution: see weir.sketch_bins
    -- First the columns that are equal in neighbours: reads of a series over time, and 8 B less an entry than with bucket second.
    CONSTRAINT minute_pkey PRIMARY KEY (series_id, partition, bucket, generation),
    CONSTRAINT minute_bucket_whole CHECK (bucket = date_bin('1 minute', bucket, '2000-01-01 00:00:00+00')),
    CONSTRAINT minute_partition_known CHECK (partition >= 0),
    CONSTRAINT minute_n_positive CHECK (n > 0),
    CONSTRAINT minute_hits_within CHECK (hits BETWEEN 0 AND n),
    CONSTRAINT minute_range_ordered CHECK (num_nulls(min, max) IN (0, 2) AND min <= max),
    CONSTRAINT minute_last_whole CHECK (num_nulls(last_at, last_value) IN (0, 2)),
    CONSTRAINT minute_sketch_ranged CHECK (sketch IS NULL OR min IS NOT NULL)
) PARTITION BY RANGE (bucket);
COMMENT ON TABLE weir.minute IS
    'History by the minute, a partition a day (UTC), named minute_YYYY_MM_DD; weir.add_minute_partition makes them.';
