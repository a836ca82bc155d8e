-- 0009_create_rewritten_partition.sql
-- Purpose : which closed partitions were put in the order of their series, so that it happens once.
-- Locks   : none on existing tables.   Size: one row a partition.
-- Undo    : DROP TABLE weir.rewritten_partition; partitions that are closed are then rewritten once more.

CREATE TABLE weir.rewritten_partition (
    name text CONSTRAINT rewritten_partition_pkey PRIMARY KEY,
    resolution text NOT NULL
        CONSTRAINT rewritten_partition_resolution_known CHECK (resolution IN ('minute', 'hour', 'day')),
    tried_at timestamptz NOT NULL,    -- for the last time
    problem text,                     -- why that failed; NULL: it did not
    rewritten_at timestamptz,         -- for the last time that it did not
    seconds double precision,         -- and what it took
    rows_written bigint,
    bytes_before bigint,              -- of the table and all that belongs to it
    bytes_after bigint,
    CONSTRAINT rewritten_partition_done_whole
        CHECK (num_nulls(rewritten_at, seconds, rows_written, bytes_before, bytes_after) IN (0, 5)),
    CONSTRAINT rewritten_partition_has_outcome CHECK (num_nonnulls(problem, rewritten_at) > 0)
);
COMMENT ON TABLE weir.rewritten_partition IS 'Closed partitions that were rewritten in the order of their series.';
