-- The quantile q (0 to 1) of what a sketch has counted: the value of rank floor(q * (n - 1)), counted from 0, within 1 %, as a
-- number of six significant digits. NULL where it has counted nothing. Cost: that of weir.sketch_bins.
CREATE OR REPLACE FUNCTION weir.quantile(sketch bytea, q double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    counts bigint[];
    bin_values double precision[];
    total bigint := 0;
    rest bigint;
BEGIN
    IF NOT q BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION 'q is %, but a quantile is from 0 to 1', q USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    SELECT array_agg(bins.n), array_agg(bins.value), sum(bins.n)
        INTO counts, bin_values, total FROM weir.sketch_bins(sketch) AS bins;
    IF total IS NULL THEN RETURN NULL; END IF;
    rest := floor(q * (total - 1)::double precision)::bigint;
    FOR i IN 1 .. cardinality(counts) LOOP
        IF rest < counts[i] THEN RETURN bin_values[i]; END IF;
        rest := rest - counts[i];
    END LOOP;
    RETURN bin_values[cardinality(bin_values)];
END
$body$;

-- The same, kept within the smallest and the largest value, which are known exactly: what Weir's API answers.
CREATE OR REPLACE FUNCTION weir.quantile(
    sketch bytea, q double precision, min double precision, max double precision
) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN least(greatest(weir.quantile(sketch, q), min), max);
