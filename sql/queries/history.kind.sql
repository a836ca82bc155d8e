-- What a row of the series $1 keeps, which tells their metric's kind; nothing where none has a row. One row a table is read.
SELECT sum IS NOT NULL, hits IS NOT NULL, last_at IS NOT NULL, sketch IS NOT NULL, hll IS NOT NULL, items IS NOT NULL
FROM (
    (SELECT sum, hits, last_at, sketch, hll, items FROM weir.minute WHERE series_id = ANY ($1::integer[]) LIMIT 1)
    UNION ALL
    (SELECT sum, hits, last_at, sketch, hll, items FROM weir.hour WHERE series_id = ANY ($1::integer[]) LIMIT 1)
    UNION ALL
    (SELECT sum, hits, last_at, sketch, hll, items FROM weir.day WHERE series_id = ANY ($1::integer[]) LIMIT 1)
) AS found
LIMIT 1
