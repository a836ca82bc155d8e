-- Whether there is the schema, what of it the role may not do, and the tables that it may not read, not write, not change.
SELECT to_regnamespace('weir') IS NOT NULL,
    coalesce(has_schema_privilege(to_regnamespace('weir'), 'USAGE'), false),
    coalesce(has_schema_privilege(to_regnamespace('weir'), 'CREATE'), false),
    coalesce(array_agg(name) FILTER (WHERE NOT has_table_privilege(oid, 'SELECT')), '{}'),
    coalesce(array_agg(name) FILTER (WHERE relkind <> 'v' AND NOT (has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))), '{}'),
    coalesce(array_agg(name) FILTER (WHERE relkind = 'p' AND NOT pg_has_role(relowner, 'USAGE')), '{}')
FROM (
    SELECT oid, relname::text AS name, relkind, relowner FROM pg_class
    WHERE relnamespace = to_regnamespace('weir') AND relkind IN ('r', 'p', 'v') AND NOT relispartition
    ORDER BY relname
) AS ours
