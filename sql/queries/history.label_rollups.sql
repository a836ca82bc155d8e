-- Values of a metric ($1) by a label ($2) in buckets of $3 s that begin in [$4, $5). What is asked for of each group, beside its
-- events, is put in the place of the comment.
SELECT bucket, groups, n /* and */
FROM weir.label_rollup
WHERE metric = $1 AND label = $2 AND step = $3 AND bucket >= $4 AND bucket < $5
    AND bucket + make_interval(secs => step) <= (SELECT min(hours_until) FROM weir.partition_cursor)
ORDER BY bucket
