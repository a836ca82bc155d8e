-- 0003_create_compaction.sql
-- Purpose : how far history reaches into each partition of the event stream, and what the last compaction did.
-- Locks   : none on existing tables.   Size: a row for each partition.
-- Undo    : DROP TABLE weir.partition_cursor, weir.compaction; then weir compact cannot tell a restored Redis any more.

CREATE TABLE weir.partition_cursor (
    partition smallint NOT NULL,
    -- The stream's cursor when the rows last written were read: a Redis with an older one has lost data.
    cursor    bigint NOT NULL,
    stream_id text   NOT NULL,
    CONSTRAINT partition_cursor_pkey PRIMARY KEY (partition)
);

CREATE TABLE weir.compaction (
    only_row         boolean NOT NULL DEFAULT true,
    last_success_at  timestamptz NOT NULL,
    duration_seconds double precision NOT NULL,
    rows_written     bigint NOT NULL,
    CONSTRAINT compaction_pkey PRIMARY KEY (only_row),
    CONSTRAINT compaction_has_one_row CHECK (only_row)
);
