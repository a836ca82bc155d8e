-- 0010_create_label_rollup.sql
-- Purpose : what people ask of long ranges, ready to be read: values of a metric by one of its labels, or of all its series
--           together, for each step of an hour or more. `weir compact` makes them of weir.hour.
-- Locks   : none on existing tables.   Size: some 12 B a value; about 51 buckets a day for each metric and label, of as many
--           values as the label has, times what the metric's kind answers (a counter 3, a distribution 10).
-- Undo    : DROP VIEW weir.by_label; DROP TABLE weir.label_rollup, weir.label_rollup_done; fronts then read hours.

-- A row is one bucket: as many groups, with the value of each in the arrays, as the label had. It is true as long as it is there:
-- whatever changes an hour deletes the rows that hold it, in the same transaction. It counts every partition of the event stream,
-- so it may be read only where all of them have the hours rolled up.
CREATE TABLE weir.label_rollup (
    bucket timestamptz NOT NULL,      -- start (UTC)
    step integer NOT NULL,            -- length, seconds
    metric text NOT NULL,
    label text NOT NULL,              -- its name; empty: all series together
    groups text[] NOT NULL,           -- what is left of their labels, as JSON, ascending
    n bigint[] NOT NULL,              -- events; from here on as many as there are groups, in their order
    rate double precision[],          -- of a second; NULL where the metric has none, NaN where only this group has none
    sum double precision[],
    mean double precision[],
    min double precision[],
    max double precision[],
    last double precision[],
    ratio double precision[],
    uniques double precision[],
    p50 double precision[],
    p75 double precision[],
    p90 double precision[],
    p95 double precision[],
    p99 double precision[],
    "p99.9" double precision[],
    CONSTRAINT label_rollup_pkey PRIMARY KEY (metric, label, step, bucket),
    CONSTRAINT label_rollup_step_known CHECK (step IN (3600, 7200, 10800, 21600, 43200, 86400)),
    CONSTRAINT label_rollup_bucket_whole
        CHECK (bucket = date_bin(make_interval(secs => step), bucket, '2000-01-01 00:00:00+00')),
    CONSTRAINT label_rollup_groups_counted CHECK (cardinality(groups) = cardinality(n))
);
COMMENT ON TABLE weir.label_rollup IS 'Values of metrics by one label, ready to be read; made of weir.hour. People read weir.by_label.';

-- For taking away the buckets that hold an hour which has changed.
CREATE INDEX label_rollup_bucket_idx ON weir.label_rollup (bucket, step);

CREATE TABLE weir.label_rollup_done (
    step integer NOT NULL,            -- seconds
    bucket timestamptz NOT NULL,
    CONSTRAINT label_rollup_done_pkey PRIMARY KEY (step, bucket)
);
COMMENT ON TABLE weir.label_rollup_done IS 'Buckets that weir.label_rollup has, of every metric that is worth it.';

CREATE VIEW weir.by_label AS
SELECT rollup.metric, rollup.label, made.labels::jsonb AS labels, rollup.bucket, make_interval(secs => rollup.step) AS step,
    made.n AS count, nullif(made.rate, 'NaN') AS rate, nullif(made.sum, 'NaN') AS sum, nullif(made.mean, 'NaN') AS mean,
    nullif(made.min, 'NaN') AS min, nullif(made.max, 'NaN') AS max, nullif(made.last, 'NaN') AS last,
    nullif(made.ratio, 'NaN') AS ratio, nullif(made.uniques, 'NaN') AS uniques, nullif(made.p50, 'NaN') AS p50,
    nullif(made.p75, 'NaN') AS p75, nullif(made.p90, 'NaN') AS p90, nullif(made.p95, 'NaN') AS p95,
    nullif(made.p99, 'NaN') AS p99, nullif(made."p99.9", 'NaN') AS "p99.9"
FROM weir.label_rollup AS rollup
CROSS JOIN LATERAL unnest(
    rollup.groups, rollup.n, rollup.rate, rollup.sum, rollup.mean, rollup.min, rollup.max, rollup.last, rollup.ratio,
    rollup.uniques, rollup.p50, rollup.p75, rollup.p90, rollup.p95, rollup.p99, rollup."p99.9"
) AS made (labels, n, rate, sum, mean, min, max, last, ratio, uniques, p50, p75, p90, p95, p99, "p99.9")
WHERE rollup.bucket + make_interval(secs => rollup.step) <= (SELECT min(hours_until) FROM weir.partition_cursor);
COMMENT ON VIEW weir.by_label IS 'Values of metrics by one label (empty: of all series together), a row a bucket and group, for steps of an hour and more.';
