-- 0008_create_reader.sql
-- Purpose : the role weir_reader, which may read all of history and change nothing: GRANT weir_reader TO grafana.
-- Locks   : none on existing tables.   Size: none.
-- Undo    : DROP OWNED BY weir_reader in each database that has it, then DROP ROLE weir_reader.

-- Roles belong to the whole server, so another database may have made it. Who migrates need not be allowed to make roles: what
-- is then left to an administrator is said, and nothing else depends on it.
DO $body$
DECLARE
    reading text;
BEGIN
    BEGIN
        IF to_regrole('weir_reader') IS NULL THEN CREATE ROLE weir_reader NOLOGIN; END IF;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;    -- by another database, in this moment
        WHEN insufficient_privilege THEN NULL;
    END;
    IF to_regrole('weir_reader') IS NULL THEN
        RAISE NOTICE '% may make no roles, so there is no weir_reader', current_user
            USING HINT = 'sql/README.md says what an administrator runs to have it.';
        RETURN;
    END IF;
    BEGIN
        GRANT USAGE ON SCHEMA weir TO weir_reader;
        FOR reading IN
            SELECT format('GRANT SELECT ON %s TO weir_reader', oid::regclass) FROM pg_class
            WHERE relnamespace = 'weir'::regnamespace AND relkind IN ('r', 'p', 'v') AND pg_has_role(relowner, 'USAGE')
        LOOP
            EXECUTE reading;
        END LOOP;
        -- For what is made later: partitions and views.
        ALTER DEFAULT PRIVILEGES IN SCHEMA weir GRANT SELECT ON TABLES TO weir_reader;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE NOTICE '% may not let weir_reader read: %', current_user, SQLERRM
            USING HINT = 'sql/README.md says what an administrator runs.';
    END;
    -- Who has a privilege, but may not pass it on, is only warned.
    IF NOT has_schema_privilege('weir_reader', 'weir', 'USAGE') THEN
        RAISE NOTICE '% does not own the schema weir, so weir_reader may not look into it', current_user
            USING HINT = 'sql/README.md says what an administrator runs.';
    END IF;
END
$body$;
