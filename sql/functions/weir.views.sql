-- What each kind of metric answers, at each resolution: weir.counter_minute, weir.counter_hour, weir.counter_day, and so for
-- gauge, ratio, distribution, unique and top. A row is a series and a bucket: parts are merged, and where there is one part it
-- is as it stands.
--
-- What the filter says of metric, labels and bucket goes below the GROUP BY, so only the partitions and series asked for are
-- read. Columns that nobody asks for cost nothing. A row's kind is told by the columns that only this kind keeps.
--
-- Replaced, not dropped, for people may have views of their own on these: columns may be added at the end, never taken away.
DO $body$
DECLARE
    resolution text;
    kind record;
BEGIN
    FOREACH resolution IN ARRAY ARRAY['minute', 'hour', 'day'] LOOP
        FOR kind IN
            SELECT * FROM (VALUES
                ('counter', 'num_nonnulls(part.hits, part.last_at, part.sketch, part.hll, part.items) = 0', $columns$
                    sum(part.sum) AS sum
                $columns$),
                ('gauge', 'part.last_at IS NOT NULL', $columns$
                    sum(part.sum) AS sum,
                    sum(part.sum) / sum(part.n)::double precision AS mean,
                    min(part.min) AS min,
                    max(part.max) AS max,
                    (array_agg(part.last_value ORDER BY part.last_at DESC, part.last_value DESC))[1] AS last
                $columns$),
                ('ratio', 'part.hits IS NOT NULL', $columns$
                    sum(part.hits)::bigint AS hits,
                    sum(part.hits)::double precision / sum(part.n)::double precision AS ratio
                $columns$),
                ('distribution', 'part.sketch IS NOT NULL', $columns$
                    sum(part.sum) AS sum,
                    sum(part.sum) / sum(part.n)::double precision AS mean,
                    min(part.min) AS min,
                    max(part.max) AS max,
                    CASE WHEN count(*) = 1 THEN (array_agg(part.sketch))[1]
                        ELSE weir.merge_sketches(array_agg(part.sketch)) END AS sketch
                $columns$),
                ('unique', 'part.hll IS NOT NULL', $columns$
                    CASE WHEN count(*) = 1 THEN (array_agg(part.hll))[1]
                        ELSE weir.merge_hlls(array_agg(part.hll)) END AS hll
                $columns$),
                ('top', 'part.items IS NOT NULL', $columns$
                    CASE WHEN count(*) = 1 THEN (array_agg(part.items))[1]
                        ELSE weir.merge_items(array_agg(part.items)) END AS items,
                    sum(part.dropped)::bigint AS dropped
                $columns$)
            ) AS kinds (name, condition, columns)
        LOOP
            EXECUTE format($view$
                CREATE OR REPLACE VIEW weir.%1$I AS
                SELECT series.metric, series.labels, part.bucket, sum(part.n)::bigint AS count, %2$s
                FROM weir.%3$I AS part
                JOIN weir.series USING (series_id)
                WHERE %4$s
                GROUP BY series.series_id, part.bucket
                $view$, kind.name || '_' || resolution, kind.columns, resolution, kind.condition);
            EXECUTE format('COMMENT ON VIEW weir.%I IS %L', kind.name || '_' || resolution,
                'Metrics of the kind ' || kind.name || ' by the ' || resolution || ': one row a series and bucket.');
        END LOOP;
    END LOOP;
END
$body$;
