-- Rows of some series in [from, to), for each partition only those before its boundary.
-- $1 series integer[]   $2 from timestamptz   $3 to timestamptz   $4 boundaries timestamptz[], by partition from 0
SELECT series_id, bucket, n, hits, sum, min, max, last_value, last_at, sketch
FROM weir.minute
WHERE series_id = ANY ($1) AND bucket >= $2 AND bucket < $3
  AND bucket < coalesce(($4::timestamptz[])[partition + 1], 'infinity')
