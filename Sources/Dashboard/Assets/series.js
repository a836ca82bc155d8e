// Series by their labels, buckets by their start: what a chart is drawn from.

/** The text by which people tell series apart, in the order of grouping: `checkout`, or `checkout · /pay`. */
export function seriesName(labels, by) {
    if (labels.overflow === 'true') return 'over the series limit';
    return by.length ? by.map((label) => labels[label] ?? `no ${label}`).join(' · ') : 'all';
}

/** One answer of the API, kept up to date by merging others into it. */
export class SeriesTable {
    /** ms; the distance of buckets. */
    step = 1000;
    /** ms since 1970, the newest event applied; 0 while unknown. */
    asOf = 0;
    truncated = false;
    degraded = [];
    tiers = [];
    tookMs = 0;
    unit = '';
    /** By key of the labels: `{ labels, name, points }`, `points` being bucket start → one value per aggregation. */
    series = new Map();
    /** Counts changes of any kind. */
    version = 0;

    constructor(aggregations, by = []) {
        this.aggregations = aggregations;
        this.by = by;
    }

    /** Takes over a whole answer; what was there before is forgotten. */
    load(answer, now = Date.now()) {
        this.series.clear();
        this.step = answer.step;
        this.unit = answer.unit ?? '';
        this.truncated = answer.truncated ?? false;
        this.degraded = answer.degraded ?? [];
        this.tiers = answer.tiers ?? [];
        this.tookMs = answer.took_ms ?? 0;
        this.asOf = answer.as_of ?? 0;
        return this.merge(answer, now);
    }

    /** Overwrites the buckets that `update` holds; returns the start of the oldest one. `now` is the server's clock. */
    merge(update, now = Date.now()) {
        let oldest = Infinity, newest = 0;
        for (const { labels, t, ...columns } of update.series) {
            const points = this.#pointsOf(labels);
            const values = this.aggregations.map((aggregation) => columns[aggregation] ?? []);
            for (let i = 0; i < t.length; i++) {
                points.set(t[i], values.map((column) => column[i] ?? null));
                if (t[i] < oldest) oldest = t[i];
                if (t[i] > newest) newest = t[i];
            }
        }
        // Updates need not say how fresh they are, but their newest bucket does, to within its width.
        this.asOf = Math.max(this.asOf, update.as_of ?? Math.min(newest + this.step, now));
        this.version++;
        return oldest;
    }

    #pointsOf(labels) {
        const key = JSON.stringify(Object.entries(labels).sort());
        let series = this.series.get(key);
        if (!series) this.series.set(key, series = { labels, name: seriesName(labels, this.by), points: new Map() });
        return series.points;
    }

    /** Forgets buckets before `from`, and series that have none left. */
    trim(from) {
        for (const [key, { points }] of this.series) {
            for (const t of points.keys()) if (t < from) points.delete(t);
            if (!points.size) this.series.delete(key);
        }
    }

    /**
     * A grid of the buckets from `from` to before `to`: `{ t, values, weights }`, where `t` lists bucket starts,
     * `values[series][aggregation][i]` the values. A bucket that is not there had no event: with `zero` that is 0
     * between the first and the last bucket known of any series, and otherwise a gap (null).
     */
    grid(series, from, to, zero) {
        const { step, aggregations } = this;
        const start = Math.ceil(from / step) * step;
        const count = Math.max(0, Math.ceil((to - start) / step));
        const t = Array.from({ length: count }, (_, i) => start + i * step);
        const values = series.map(() => aggregations.map(() => new Array(count).fill(null)));
        let first = count, last = -1;
        for (let s = 0; s < series.length; s++) {
            for (const [time, point] of series[s].points) {
                const i = (time - start) / step;
                if (i < 0 || i >= count) continue;
                if (i < first) first = i;
                if (i > last) last = i;
                for (let a = 0; a < point.length; a++) values[s][a][i] = point[a];
            }
        }
        if (zero) for (const one of values) for (const column of one) for (let i = first; i <= last; i++) column[i] ??= 0;
        return { t, values, last };
    }
}
