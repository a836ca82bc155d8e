-- 0007_create_retention.sql
-- Purpose : how long each resolution is kept, since when that is known, and what was dropped.
-- Locks   : none on existing tables.   Size: three rows; two for each day dropped, one of them for each partition of the event stream.
-- Undo    : DROP TABLE weir.retention, weir.dropped_partition, weir.dropped_events; the audit no longer balances where days
--           were dropped.

CREATE TABLE weir.retention (
    resolution text CONSTRAINT retention_pkey PRIMARY KEY
        CONSTRAINT retention_resolution_known CHECK (resolution IN ('minute', 'hour', 'day')),
    keep_seconds bigint,              -- in effect; NULL: all is kept
    asked_seconds bigint,             -- a shorter time that is configured, and takes effect a day after it was first seen
    asked_at timestamptz,
    dropped_until timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00', -- what is older is gone, or about to go
    CONSTRAINT retention_asked_whole CHECK (num_nulls(asked_seconds, asked_at) IN (0, 2))
);
COMMENT ON TABLE weir.retention IS 'How long minutes, hours and days are kept.';

CREATE TABLE weir.dropped_partition (
    number integer GENERATED ALWAYS AS IDENTITY CONSTRAINT dropped_partition_pkey PRIMARY KEY,
    resolution text NOT NULL,
    name text NOT NULL,
    first timestamptz NOT NULL,       -- its bounds
    until timestamptz NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    dropped_at timestamptz            -- NULL while it is under way
);
COMMENT ON TABLE weir.dropped_partition IS 'Partitions that retention dropped.';

CREATE TABLE weir.dropped_events (
    partition smallint NOT NULL,      -- of the event stream
    day date NOT NULL,                -- of the minutes dropped (UTC)
    n bigint NOT NULL,
    CONSTRAINT dropped_events_pkey PRIMARY KEY (partition, day)
);
COMMENT ON TABLE weir.dropped_events IS 'Events of days whose minutes were dropped, for the audit.';
