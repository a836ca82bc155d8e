-- The bins of a sketch (the column weir.minute.sketch) in ascending order of the values in them: how many there are (n), and
-- one value (value) of six significant digits that is at most 1 % (and what the rounding adds, 0.0005 %) from any of them. A bin
-- is known by its sign and index; zero is (0, 0).
--
-- Bytes: head, a varint: 1 if the number of zeros follows | 2 if the negative values' bins follow | 4 the positive ones'.
-- Bins:  varint number of bins - 1, zigzag index of the first, then for each bin, ascending by index:
--        varint (steps from the bin before - 1, for the first 0) * 2 | 1 if n is above 1, and, if so, varint n - 2.
-- Varints have seven bits a byte, the lowest first, the high bit saying that more follow. An index i stands for the values
-- whose magnitude is in (g^(i-1), g^i], g = 1.01/0.99, and 0.99 * g^i for them, rounded.
-- Cost: some 3 us a bin.
CREATE OR REPLACE FUNCTION weir.sketch_bins(sketch bytea)
    RETURNS TABLE (sign smallint, index integer, n bigint, value double precision)
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 50 AS $body$
#variable_conflict use_variable
DECLARE
    log_gamma CONSTANT double precision := ln(1.01::double precision / 0.99::double precision);
    log_middle CONSTANT double precision := ln(2 / (1 + 1.01::double precision / 0.99::double precision));
    power double precision;
    number bigint;      -- the varint read last
    shift integer;
    byte integer;
    place integer := 0;
    part integer := 0;  -- 0 head, 1 zeros, 2 negative, 3 positive
    head integer;
    bins_left bigint := 0;
    state integer := 0; -- what the next varint is: 0 head or zeros, 1 number of bins, 2 first index, 3 step, 4 count
    indexes integer[] := '{}';
    counts bigint[] := '{}';
    zeros bigint := 0;
    negatives integer := 0;
    at bigint;
BEGIN
    WHILE place < length(sketch) LOOP
        number := 0;
        shift := 0;
        LOOP
            byte := get_byte(sketch, place);
            place := place + 1;
            number := number | ((byte & 127)::bigint << shift);
            EXIT WHEN byte < 128;
            shift := shift + 7;
        END LOOP;
        CASE state
        WHEN 0 THEN
            IF part = 0 THEN
                head := number;
                part := CASE WHEN head & 1 <> 0 THEN 1 WHEN head & 2 <> 0 THEN 2 ELSE 3 END;
            ELSE
                zeros := number;
                part := CASE WHEN head & 2 <> 0 THEN 2 ELSE 3 END;
            END IF;
            state := CASE WHEN part = 1 THEN 0 ELSE 1 END;
        WHEN 1 THEN
            bins_left := number + 1;
            state := 2;
        WHEN 2 THEN
            at := ((number >> 1) # -(number & 1)) - 1;
            state := 3;
        WHEN 3 THEN
            at := at + (number >> 1) + 1;
            indexes := indexes || at::integer;
            IF number & 1 = 1 THEN
                state := 4;
            ELSE
                counts := counts || 1::bigint;
                bins_left := bins_left - 1;
            END IF;
        ELSE
            counts := counts || number + 2;
            bins_left := bins_left - 1;
            state := 3;
        END CASE;
        IF state = 3 AND bins_left = 0 THEN
            IF part = 2 THEN negatives := cardinality(indexes); END IF;
            part := 3;
            state := 1;
        END IF;
    END LOOP;

    FOR i IN REVERSE negatives .. 1 LOOP
        sign := -1;
        index := indexes[i];
        n := counts[i];
        power := index * log_gamma + log_middle;
        -- exp() refuses to give a subnormal number; a product may be one.
        value := -to_char(
            CASE WHEN power < -708.3964 THEN exp(power / 2) * exp(power / 2) ELSE exp(power) END, '9.99999EEEE')::double precision;
        RETURN NEXT;
    END LOOP;
    IF zeros > 0 THEN
        sign := 0;
        index := 0;
        n := zeros;
        value := 0;
        RETURN NEXT;
    END IF;
    FOR i IN negatives + 1 .. cardinality(indexes) LOOP
        sign := 1;
        index := indexes[i];
        n := counts[i];
        power := index * log_gamma + log_middle;
        -- exp() refuses to give a subnormal number; a product may be one.
        value := to_char(
            CASE WHEN power < -708.3964 THEN exp(power / 2) * exp(power / 2) ELSE exp(power) END, '9.99999EEEE')::double precision;
        RETURN NEXT;
    END LOOP;
END
$body$;
