-- What gives the table $2 the privileges that others have on $1.
SELECT format('GRANT %s ON %s TO %s%s', privilege_type, $2::text,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class, aclexplode(relacl)
WHERE oid = $1::text::regclass AND grantee <> relowner
