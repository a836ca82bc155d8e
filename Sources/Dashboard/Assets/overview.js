// What a metric looks like on a panel, and which panels an installation's metrics get: the page arranges itself.

/** How each kind of metric is shown where nobody chose. */
const kinds = {
    counter: ['rate'], ratio: ['ratio'], distribution: ['p50', 'p90', 'p99'], gauge: ['mean'], unique: ['unique'], top: ['top'],
};

/** Those of a kind that share one axis; any other aggregation stands alone. */
export const together = (aggregation) => /^(p[\d.]+|mean|min|max|last)$/.test(aggregation);

/** Whether the page knows how to show metrics of this kind. */
export const isShowable = (metric) => metric.kind in kinds;

/** The aggregations of a metric that can be chosen, those of `shown` among them. */
export const offeredBy = (metric, shown) => [...new Set([...metric.aggregations, ...(metric.kind === 'distribution' ? ['p99.9'] : []), ...shown])];

/** The choices of a panel's grouping: nothing, each label, all labels together; as values of a select. */
export function groupings(by) {
    return [[], ...by.map((label) => [label]), ...(by.length > 1 ? [by] : [])];
}

/** The choices of what a distribution's panel draws. */
export const quantileChoices = [['p50', 'p90', 'p99'], ['p50'], ['p90'], ['p99'], ['p99.9'], ['mean'], ['max']];

/** The panel of a metric: `by`, `agg`, `filter` and `heading` where they are chosen, the kind's own where not. */
export function specOf(metric, { id = metric.name, by, agg, filter = {}, heading, choices } = {}) {
    const shown = agg?.length ? agg : kinds[metric.kind];
    const [first] = shown;
    const unit = metric.unit ?? '';
    return {
        id, metric, shown, filter, heading, choices,
        type: metric.kind === 'top' ? 'top' : 'line',
        by: by ?? metric.by.slice(0, 1),
        weigh: first === 'ratio' ? 'count' : undefined,
        // A bucket without events is 0 for these, and nothing at all for the others.
        zero: first === 'rate' || first === 'count' || (first === 'sum' && metric.kind !== 'gauge'),
        unit: first === 'ratio' ? '%' : first === 'rate' ? `${unit === '' || metric.kind === 'distribution' ? '' : unit}/s`
            : first === 'count' || first === 'unique' ? '' : unit,
    };
}

/** The panels of these metrics, in the order of the configuration. */
export function panelsOf(metrics) {
    const shown = metrics.filter(isShowable);
    // What counts every event says how the installation is; where there is a counter of its own, it only repeats it.
    const own = shown.some((metric) => metric.kind === 'counter' && metric.name !== 'events');
    return shown.filter((metric) => metric.name !== 'events' || !own).flatMap((metric) => {
        if (metric.kind !== 'distribution') return [specOf(metric)];
        // The whole spread at a glance, and who is slow.
        const overall = specOf(metric, { by: [], choices: quantileChoices });
        if (!metric.by.length) return [overall];
        return [overall, specOf(metric, { id: `${metric.name}.p99`, agg: ['p99'], choices: quantileChoices })];
    });
}

/** A line of HTTP that makes the first chart move, for people who have just installed Weir. */
export function firstEvent(origin) {
    const event = '{"service":"checkout","endpoint":"/pay","status":200,"duration_ms":12.5,"user":"u17"}';
    return `curl ${origin}/api/v1/events \\\n  -H 'Content-Type: application/json' \\\n  -d '${event}'`;
}
