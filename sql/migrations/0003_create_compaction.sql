-- 0003_create_compaction.sql
-- Purpose : where the compaction stands, so that a Redis that went back in time is noticed, and how its last pass went.
-- Locks   : none on existing tables.   Size: one row a partition, one row.
-- Undo    : DROP TABLE weir.partition_cursor, weir.compaction; the next pass writes both anew.

CREATE TABLE weir.partition_cursor (
    partition smallint CONSTRAINT partition_cursor_pkey PRIMARY KEY
        CONSTRAINT partition_cursor_partition_known CHECK (partition >= 0),
    cursor bigint NOT NULL,           -- the last entry applied when it was read, as in weir.minute.version
    stream_id text NOT NULL,          -- the same as Redis writes it
    watermark timestamptz NOT NULL,   -- no minute from here on was written yet
    written_at timestamptz NOT NULL
);
COMMENT ON TABLE weir.partition_cursor IS 'How far each partition of the event stream has been compacted.';

CREATE TABLE weir.compaction (
    is_only boolean DEFAULT true CONSTRAINT compaction_pkey PRIMARY KEY CONSTRAINT compaction_has_one_row CHECK (is_only),
    last_success_at timestamptz NOT NULL,
    duration_seconds double precision NOT NULL,
    rows_written bigint NOT NULL
);
COMMENT ON TABLE weir.compaction IS 'The last whole pass: one row.';
