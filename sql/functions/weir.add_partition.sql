-- Makes the partition of weir.minute, weir.hour or weir.day (resolution 'minute', 'hour', 'day') that a day (UTC) falls in: that
-- day, its month, its year; true where there was none.
--
-- It is made apart and attached, which, other than CREATE TABLE … PARTITION OF, keeps nobody from reading and writing.
CREATE OR REPLACE FUNCTION weir.add_partition(resolution text, day date) RETURNS boolean
    LANGUAGE plpgsql VOLATILE STRICT AS $body$
DECLARE
    first date;
    after date;
    name text;
    existing regclass;
BEGIN
    CASE resolution
        WHEN 'minute' THEN
            first := day;
            after := day + 1;
            name := 'minute_' || to_char(first, 'YYYY_MM_DD');
        WHEN 'hour' THEN
            first := date_trunc('month', day::timestamp);
            after := first + interval '1 month';
            name := 'hour_' || to_char(first, 'YYYY_MM');
        WHEN 'day' THEN
            first := date_trunc('year', day::timestamp);
            after := first + interval '1 year';
            name := 'day_' || to_char(first, 'YYYY');
        ELSE
            RAISE EXCEPTION 'resolution is %, but must be minute, hour or day', resolution
                USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    existing := to_regclass('weir.' || name);
    IF existing IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM pg_inherits WHERE inhrelid = existing AND inhparent = ('weir.' || resolution)::regclass
        ) THEN
            RETURN false;
        END IF;
        RAISE EXCEPTION 'weir.% exists, but is no partition of weir.%', name, resolution
            USING HINT = 'Attach it again or give it another name.', ERRCODE = 'duplicate_table';
    END IF;
    EXECUTE format('CREATE TABLE weir.%I (LIKE weir.%I INCLUDING ALL)', name, resolution);
    EXECUTE format('ALTER TABLE weir.%I ATTACH PARTITION weir.%I FOR VALUES FROM (%L) TO (%L)', resolution,
        name, to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(after, 'YYYY-MM-DD') || ' 00:00:00+00');
    RETURN true;
END
$body$;
