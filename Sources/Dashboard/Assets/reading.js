// What can be read off a grid of buckets: figures, totals, a table; without a page.

export const mean = (values) => values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;

/** Per bucket from index `from` to `to` of `grid`, the sum over all series of the table; buckets of no series are left out. */
export function totals(table, grid, from, to) {
    const { t } = grid;
    const all = table.grid([...table.series.values()], t[0], t.at(-1) + table.step, true).values;
    const found = [];
    for (let i = Math.max(0, from); i <= to; i++) {
        if (all.some(([column]) => column[i] !== null)) found.push(all.reduce((sum, [column]) => sum + (column[i] ?? 0), 0));
    }
    return found;
}

/** The ratio over all series and the buckets from index `from` to `to`: each weighs as much as it has events. */
export function pooled(table, grid, from, to) {
    const start = grid.t[Math.max(0, from)], end = grid.t[to];
    let matched = 0, events = 0;
    for (const { points } of table.series.values()) {
        for (const [at, point] of points) {
            if (at < start || at > end) continue;
            matched += (point[0] ?? 0) * (point.at(-1) ?? 0);
            events += point.at(-1) ?? 0;
        }
    }
    return events ? matched / events : null;
}

/** Of a column: its last value, and the least, mean and greatest of those that are there. */
export function summary(column) {
    const values = column.filter((value) => value !== null && value !== undefined);
    if (!values.length) return { last: null, min: null, mean: null, max: null };
    return { last: values.at(-1), min: Math.min(...values), mean: mean(values), max: Math.max(...values) };
}

/** A grid's lines as CSV: times in RFC 3339, one column a line; what is not there is empty. */
export function csv(grid, lines) {
    const quoted = (text) => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const rows = [['time', ...lines.map(({ name }) => quoted(name))]];
    for (let i = 0; i <= grid.last; i++) rows.push([new Date(grid.t[i]).toISOString(), ...lines.map(({ column }) => column[i] ?? '')]);
    return rows.map((row) => row.join()).join('\n') + '\n';
}
