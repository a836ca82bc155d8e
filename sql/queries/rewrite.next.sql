-- The partition that is to be rewritten at the time $1: resolution, name, bounds as texts, bytes; no row where there is none. It
-- ended $2 seconds ago or longer, all partitions of the event stream have it rolled up, and it is not being dropped. The newest
-- is the first; one that was tried in vain has to wait for $3 seconds; one that was rewritten has grown by half since.
WITH rolled_up AS MATERIALIZED (
    SELECT min(hours_until) AS hours, min(days_until) AS days FROM weir.partition_cursor
), held AS (
    SELECT parent.relname::text AS resolution, child.relname::text AS name, pg_total_relation_size(child.oid) AS bytes,
        substring(pg_get_expr(child.relpartbound, child.oid) FROM 'FROM \(''([^'']+)''\)')::timestamptz AS first,
        substring(pg_get_expr(child.relpartbound, child.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS until
    FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent
    WHERE inhparent IN ('weir.minute'::regclass, 'weir.hour'::regclass, 'weir.day'::regclass) AND NOT inhdetachpending
        -- What people have attached or moved themselves stays as it is.
        AND child.relkind = 'r' AND child.relnamespace = 'weir'::regnamespace AND child.reltablespace = 0
        AND length(child.relname::text) <= 50 AND pg_has_role(child.relowner, 'USAGE') AND pg_relation_size(child.oid) > 0
)
SELECT resolution, held.name, to_char(first AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'),
    to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00'), bytes
FROM held CROSS JOIN rolled_up
LEFT JOIN weir.rewritten_partition AS last USING (resolution, name)
WHERE until <= $1 - make_interval(secs => $2)
    AND until <= CASE resolution WHEN 'minute' THEN rolled_up.hours ELSE rolled_up.days END
    AND NOT EXISTS (SELECT FROM weir.dropped_partition AS going WHERE going.name = held.name AND dropped_at IS NULL)
    AND (problem IS NULL OR tried_at <= $1 - make_interval(secs => $3))
    AND (bytes_after IS NULL OR bytes > greatest(1.5 * bytes_after, bytes_after + 1048576))
ORDER BY until DESC, bytes
LIMIT 1
