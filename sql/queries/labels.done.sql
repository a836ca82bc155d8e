-- Notes that buckets, of $1 s each at $2, have been made.
INSERT INTO weir.label_rollup_done (step, bucket)
SELECT step, bucket FROM unnest($1::integer[], $2::timestamptz[]) AS made (step, bucket)
ON CONFLICT DO NOTHING
