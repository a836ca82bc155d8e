-- Makes the partition of weir.minute for a day (UTC); true where there was none.
--
-- It is made apart and attached, which, other than CREATE TABLE … PARTITION OF, keeps nobody from reading and writing.
CREATE OR REPLACE FUNCTION weir.add_minute_partition(day date) RETURNS boolean
    LANGUAGE plpgsql VOLATILE STRICT AS $body$
DECLARE
    name text := 'minute_' || to_char(day, 'YYYY_MM_DD');
    existing regclass := to_regclass('weir.' || name);
BEGIN
    IF existing IS NOT NULL THEN
        IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = existing AND inhparent = 'weir.minute'::regclass) THEN
            RETURN false;
        END IF;
        RAISE EXCEPTION 'weir.% exists, but is no partition of weir.minute', name
            USING HINT = 'Attach it again or give it another name.', ERRCODE = 'duplicate_table';
    END IF;
    EXECUTE format('CREATE TABLE weir.%I (LIKE weir.minute INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE weir.minute ATTACH PARTITION weir.%I FOR VALUES FROM (%L) TO (%L)',
        name, to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
    RETURN true;
END
$body$;
