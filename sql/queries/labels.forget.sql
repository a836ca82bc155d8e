-- Takes away what was made of hours ($1) that have changed, to be made anew.
WITH gone AS (
    DELETE FROM weir.label_rollup_done AS done
    USING unnest($1::timestamptz[]) AS changed (hour), (VALUES (3600), (7200), (10800), (21600), (43200), (86400)) AS of (step)
    WHERE done.step = of.step AND done.bucket = date_bin(make_interval(secs => of.step), hour, '2000-01-01 00:00:00+00')
    RETURNING done.step, done.bucket
)
DELETE FROM weir.label_rollup AS rollup USING gone WHERE rollup.step = gone.step AND rollup.bucket = gone.bucket
