-- What is decided to be dropped: number, name, its table while it is still attached, whether that is half done, and whether
-- the partition still exists.
SELECT number, name, parent.relname::text, coalesce(inhdetachpending, false), child.oid IS NOT NULL
FROM weir.dropped_partition
LEFT JOIN pg_class AS child ON child.oid = to_regclass('weir.' || quote_ident(name))
LEFT JOIN pg_inherits ON inhrelid = child.oid
LEFT JOIN pg_class AS parent ON parent.oid = inhparent
WHERE dropped_at IS NULL
ORDER BY number
