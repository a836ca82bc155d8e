-- The partitions of all resolutions: resolution, name, bounds, bytes; but for those that are being dropped.
SELECT resolution, name, substring(bounds FROM 'FROM \(''([^'']+)''\)')::timestamptz,
    substring(bounds FROM 'TO \(''([^'']+)''\)')::timestamptz, bytes
FROM (
    SELECT parent.relname::text AS resolution, child.relname::text AS name,
        pg_get_expr(child.relpartbound, child.oid) AS bounds, pg_total_relation_size(child.oid) AS bytes
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent
    WHERE inhparent IN ('weir.minute'::regclass, 'weir.hour'::regclass, 'weir.day'::regclass)
) AS partition
WHERE NOT EXISTS (
    SELECT FROM weir.dropped_partition AS dropped WHERE dropped.name = partition.name AND dropped.dropped_at IS NULL
)
ORDER BY 3
