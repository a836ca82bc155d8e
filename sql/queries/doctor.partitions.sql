-- The table partitions that reach beyond a time ($1): resolution and bounds, ascending.
SELECT resolution, lower, upper
FROM (
    SELECT parent.relname::text AS resolution, substring(bounds FROM 'FROM \(''([^'']+)''\)')::timestamptz AS lower,
        substring(bounds FROM 'TO \(''([^'']+)''\)')::timestamptz AS upper
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent
    CROSS JOIN LATERAL pg_get_expr(child.relpartbound, child.oid) AS bounds
    WHERE inhparent IN ('weir.minute'::regclass, 'weir.hour'::regclass, 'weir.day'::regclass)
) AS partition
WHERE upper > $1
ORDER BY lower
