-- 0006_create_hour_day.sql
-- Purpose : history by the hour and by the day (UTC), rolled up by `weir compact` in the transaction that writes the minutes.
-- Locks   : none on existing tables.   Size: as a minute's row, less 16 B; one sixtieth, and one in 1,440, of as many.
-- Undo    : DROP VIEW weir.hour_view, weir.day_view; DROP TABLE weir.hour, weir.day; ALTER TABLE weir.partition_cursor
--           DROP COLUMN hours_until, DROP COLUMN days_until; hours older than the minutes still held are gone.

-- Its successor, weir.add_partition, comes with the functions.
DROP FUNCTION IF EXISTS weir.add_minute_partition(date);
COMMENT ON TABLE weir.minute IS
    'History by the minute, a partition a day (UTC), named minute_YYYY_MM_DD; weir.add_partition makes them.';

-- A row is all that a partition counted for a series in an hour: its minutes of every generation, merged. So it is replaced
-- as a whole, and there is one for each (series_id, partition, bucket). Only what comes for an hour whose minutes were dropped
-- (retention) becomes a row beside the old one: part is how often they were.
CREATE TABLE weir.hour (
    bucket timestamptz NOT NULL,      -- start of the hour (UTC)
    n bigint NOT NULL,                -- the columns of weir.minute
    hits bigint,
    sum double precision,
    min double precision,
    max double precision,
    last_at timestamptz,
    last_value double precision,
    dropped bigint,
    series_id integer NOT NULL,
    partition smallint NOT NULL,
    part smallint NOT NULL,           -- see above
    sketch bytea,
    hll bytea,
    items jsonb,
    CONSTRAINT hour_pkey PRIMARY KEY (series_id, partition, bucket, part),
    CONSTRAINT hour_bucket_whole CHECK (bucket = date_bin('1 hour', bucket, '2000-01-01 00:00:00+00')),
    CONSTRAINT hour_n_positive CHECK (n > 0)
) PARTITION BY RANGE (bucket);
COMMENT ON TABLE weir.hour IS
    'History by the hour, a partition a month (UTC), named hour_YYYY_MM; weir.add_partition makes them.';

CREATE TABLE weir.day (
    bucket timestamptz NOT NULL,      -- start of the day (UTC)
    n bigint NOT NULL,                -- the columns of weir.minute
    hits bigint,
    sum double precision,
    min double precision,
    max double precision,
    last_at timestamptz,
    last_value double precision,
    dropped bigint,
    series_id integer NOT NULL,
    partition smallint NOT NULL,
    part smallint NOT NULL,           -- see above
    sketch bytea,
    hll bytea,
    items jsonb,
    CONSTRAINT day_pkey PRIMARY KEY (series_id, partition, bucket, part),
    CONSTRAINT day_bucket_whole CHECK (bucket = date_bin('1 day', bucket, '2000-01-01 00:00:00+00')),
    CONSTRAINT day_n_positive CHECK (n > 0)
) PARTITION BY RANGE (bucket);
COMMENT ON TABLE weir.day IS
    'History by the day, a partition a year (UTC), named day_YYYY; weir.add_partition makes them.';

-- Up to where the minutes of a partition are rolled up: all of its hours that end by then, and all of its days. From there on
-- its minutes answer. Both only grow.
ALTER TABLE weir.partition_cursor
    ADD COLUMN hours_until timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    ADD COLUMN days_until timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00';

-- A row is still a part: add up (sum(n), sum(sum), min(min), max(max)) over what you group by.
CREATE VIEW weir.hour_view AS
SELECT series.metric, series.labels, hour.bucket, hour.n, hour.hits, hour.sum, hour.min, hour.max, hour.last_at,
       hour.last_value, hour.sketch, hour.hll, hour.items, hour.dropped, series_id, hour.partition
FROM weir.hour
JOIN weir.series USING (series_id);
COMMENT ON VIEW weir.hour_view IS 'History by the hour with metric and labels; rows of one (series, bucket) are parts to be added up.';

CREATE VIEW weir.day_view AS
SELECT series.metric, series.labels, day.bucket, day.n, day.hits, day.sum, day.min, day.max, day.last_at,
       day.last_value, day.sketch, day.hll, day.items, day.dropped, series_id, day.partition
FROM weir.day
JOIN weir.series USING (series_id);
COMMENT ON VIEW weir.day_view IS 'History by the day with metric and labels; rows of one (series, bucket) are parts to be added up.';
