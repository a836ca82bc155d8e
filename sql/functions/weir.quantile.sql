-- The value of rank floor(q * (n - 1)) of the n values that a sketch has seen, within 1 %: what the API answers, but for
-- its limits, the exact least and greatest value (greatest(min, least(max, weir.quantile(sketch, q)))).
-- The bytes: docs/wire-format.md, "Sketch".   Cost: some 0.3 us a byte of the sketch.
CREATE OR REPLACE FUNCTION weir.quantile(sketch bytea, q double precision) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    log_gamma  CONSTANT double precision := ln(1.01::double precision / 0.99::double precision);
    log_middle CONSTANT double precision := ln(2 / (1 + 1.01::double precision / 0.99::double precision));
    power      double precision;
    place     integer := 0;
    head      bigint;
    zeros     bigint := 0;
    number    bigint;
    shift     integer;
    byte      integer;
    bins      bigint;
    index     bigint;
    step      bigint;
    count     bigint;
    total     bigint := 0;
    indices   bigint[] := '{}';
    counts    bigint[] := '{}';
    rest      bigint;
    negatives integer := 0;
BEGIN
    IF q < 0 OR q > 1 THEN
        RAISE EXCEPTION 'weir.quantile: q must be 0 to 1, not %', q USING ERRCODE = '22003';
    END IF;
    -- Every number is a varint: seven bits a byte, lowest first, the high bit saying that more follow. Written out at each
    -- place where one is read, since a call of a function of our own would cost more than all the rest.
    head := 0; shift := 0;
    LOOP
        byte := get_byte(sketch, place); place := place + 1;
        head := head | ((byte & 127)::bigint << shift); shift := shift + 7;
        EXIT WHEN byte < 128;
    END LOOP;
    IF head & 1 <> 0 THEN
        shift := 0;
        LOOP
            byte := get_byte(sketch, place); place := place + 1;
            zeros := zeros | ((byte & 127)::bigint << shift); shift := shift + 7;
            EXIT WHEN byte < 128;
        END LOOP;
        total := zeros;
    END IF;
    FOR part IN 0..1 LOOP
        CONTINUE WHEN head & (CASE part WHEN 0 THEN 2 ELSE 4 END) = 0;
        bins := 0; shift := 0;
        LOOP
            byte := get_byte(sketch, place); place := place + 1;
            bins := bins | ((byte & 127)::bigint << shift); shift := shift + 7;
            EXIT WHEN byte < 128;
        END LOOP;
        number := 0; shift := 0;
        LOOP
            byte := get_byte(sketch, place); place := place + 1;
            number := number | ((byte & 127)::bigint << shift); shift := shift + 7;
            EXIT WHEN byte < 128;
        END LOOP;
        index := ((number >> 1) # (-(number & 1))) - 1;
        FOR i IN 0..bins LOOP
            step := 0; shift := 0;
            LOOP
                byte := get_byte(sketch, place); place := place + 1;
                step := step | ((byte & 127)::bigint << shift); shift := shift + 7;
                EXIT WHEN byte < 128;
            END LOOP;
            index := index + (step >> 1) + 1;
            count := 1;
            IF step & 1 <> 0 THEN
                count := 0; shift := 0;
                LOOP
                    byte := get_byte(sketch, place); place := place + 1;
                    count := count | ((byte & 127)::bigint << shift); shift := shift + 7;
                    EXIT WHEN byte < 128;
                END LOOP;
                count := count + 2;
            END IF;
            indices := indices || index;
            counts := counts || count;
            total := total + count;
        END LOOP;
        IF part = 0 THEN negatives := cardinality(indices); END IF;
    END LOOP;
    IF total = 0 THEN RETURN NULL; END IF;

    rest := floor(q * (total - 1));
    FOR i IN REVERSE negatives..1 LOOP
        IF rest < counts[i] THEN
            power := indices[i] * log_gamma + log_middle;
            -- exp() refuses to give a subnormal number; a product may be one.
            IF power < -708.3964 THEN RETURN -(exp(power / 2) * exp(power / 2)); END IF;
            RETURN -exp(power);
        END IF;
        rest := rest - counts[i];
    END LOOP;
    IF rest < zeros THEN RETURN 0; END IF;
    rest := rest - zeros;
    FOR i IN negatives + 1..cardinality(indices) LOOP
        IF rest < counts[i] THEN
            power := indices[i] * log_gamma + log_middle;
            IF power < -708.3964 THEN RETURN exp(power / 2) * exp(power / 2); END IF;
            RETURN exp(power);
        END IF;
        rest := rest - counts[i];
    END LOOP;
    RETURN NULL;
END
$$;
