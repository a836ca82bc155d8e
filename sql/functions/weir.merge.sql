-- A number of seven bits a byte, the lowest first, the high bit saying that more follow (LEB128).
CREATE OR REPLACE FUNCTION weir.varint(number bigint) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    rest bigint := number;
    bytes bytea := '';
BEGIN
    WHILE rest >= 128 LOOP
        bytes := bytes || set_byte('\x00', 0, (rest & 127)::integer | 128);
        rest := rest >> 7;
    END LOOP;
    RETURN bytes || set_byte('\x00', 0, rest::integer);
END
$body$;

-- The sketch of all that some sketches have counted, to the byte what Weir would make of the same values; NULL for none.
-- Cost: some 5 us a bin of all sketches.
CREATE OR REPLACE FUNCTION weir.merge_sketches(sketches bytea[]) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    bin record;
    head bigint := 0;
    zeros bytea := '';
    bins bytea := '';       -- of one sign
    bins_before bytea := '';
    bin_count bigint := 0;
    first_index bigint;
    previous bigint;
    is_empty boolean := true;
BEGIN
    FOR bin IN
        SELECT sketch_bins.sign, sketch_bins.index, sum(sketch_bins.n)::bigint AS n,
            lead(sketch_bins.sign) OVER (ORDER BY sketch_bins.sign, sketch_bins.index) AS next_sign
        FROM unnest(sketches) AS sketch, weir.sketch_bins(sketch)
        GROUP BY sketch_bins.sign, sketch_bins.index ORDER BY sketch_bins.sign, sketch_bins.index
    LOOP
        is_empty := false;
        IF bin.sign = 0 THEN
            head := head | 1;
            zeros := weir.varint(bin.n);
            CONTINUE;
        END IF;
        IF bin_count = 0 THEN
            first_index := bin.index;
            previous := first_index - 1;
        END IF;
        bins := bins || weir.varint(((bin.index - previous - 1) << 1) | CASE WHEN bin.n > 1 THEN 1 ELSE 0 END);
        IF bin.n > 1 THEN bins := bins || weir.varint(bin.n - 2); END IF;
        bin_count := bin_count + 1;
        previous := bin.index;
        IF bin.sign IS DISTINCT FROM bin.next_sign THEN
            head := head | CASE bin.sign WHEN -1 THEN 2 ELSE 4 END;
            bins_before := bins_before || weir.varint(bin_count - 1)
                || weir.varint((first_index << 1) # (first_index >> 63)) || bins;
            bins := '';
            bin_count := 0;
        END IF;
    END LOOP;
    RETURN CASE WHEN is_empty THEN NULL ELSE weir.varint(head) || zeros || bins_before END;
END
$body$;

-- SELECT weir.quantile(weir.merge(sketch), 0.99, min(min), max(max)): what the API answers for all rows of a group together.
-- Cost: memory for the group's sketches, and weir.merge_sketches once.
CREATE OR REPLACE AGGREGATE weir.merge(sketch bytea) (
    SFUNC = array_append, STYPE = bytea[], FINALFUNC = weir.merge_sketches, COMBINEFUNC = array_cat, INITCOND = '{}',
    PARALLEL = SAFE
);
