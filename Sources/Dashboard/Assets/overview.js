// Which panels an installation's metrics get: the page arranges itself, nothing is configured.

/** How each kind of metric is shown: aggregations asked for, what is drawn, how absent buckets read. */
const kinds = {
    counter: { shown: ['rate'], zero: true, unit: (unit) => `${unit}/s` },
    ratio: { shown: ['ratio'], weigh: 'count', zero: false, unit: () => '%' },
    distribution: { shown: ['p50', 'p90', 'p99'], zero: false, unit: (unit) => unit },
    gauge: { shown: ['mean'], zero: false, unit: (unit) => unit },
    unique: { shown: ['unique'], zero: false, unit: (unit) => unit },
};

/** The choices of a panel's grouping: nothing, each label, all labels together; as values of a select. */
export function groupings(by) {
    return [[], ...by.map((label) => [label]), ...(by.length > 1 ? [by] : [])];
}

/** The choices of what a distribution's panel draws. */
export const quantileChoices = [['p50', 'p90', 'p99'], ['p50'], ['p90'], ['p99'], ['p99.9'], ['mean'], ['max']];

/** The panels of these metrics, in the order of the configuration. */
export function panelsOf(metrics) {
    return metrics.flatMap((metric) => {
        const kind = kinds[metric.kind];
        if (!kind) return [];
        const panel = {
            id: metric.name, metric, by: metric.by.slice(0, 1), shown: kind.shown, weigh: kind.weigh, zero: kind.zero,
            unit: kind.unit(metric.unit ?? ''),
        };
        if (metric.kind !== 'distribution') return [panel];
        // The whole spread at a glance, and who is slow.
        const overall = { ...panel, by: [], choices: quantileChoices };
        if (!metric.by.length) return [overall];
        return [overall, { ...panel, id: `${metric.name}.p99`, shown: ['p99'], choices: quantileChoices }];
    });
}

/** A line of HTTP that makes the first chart move, for people who have just installed Weir. */
export function firstEvent(origin) {
    const event = '{"service":"checkout","endpoint":"/pay","status":200,"duration_ms":12.5,"user":"u17"}';
    return `curl ${origin}/api/v1/events \\\n  -H 'Content-Type: application/json' \\\n  -d '${event}'`;
}
