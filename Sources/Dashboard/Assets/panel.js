// One metric on the page: its title and choices, the figures of now, the chart and its legend.
import { Chart, look } from './chart.js';
import { quantity, text, time, title } from './format.js';
import { groupings } from './overview.js';
import { SeriesTable } from './series.js';
import { query } from './weir.js';

const SHOWN_SERIES = 10;
const SETTLING = 300;        // ms after its end until a bucket is taken for whole: a push interval, and the way here
const RECENT = 10_000;       // ms that the figure "now" of rates and ratios stands for
const TEXT_EVERY = 500;      // ms between changes of text: faster cannot be read
const CHOICE_EVERY = 5_000;  // ms between choices of the series that are shown

/** Keeps the colour of each series the same in all charts of the page that are grouped alike. */
export class ColourBook {
    #numbers = new Map();
    numberOf(by, name) {
        const names = this.#numbers.get(by.join()) ?? new Map();
        this.#numbers.set(by.join(), names);
        if (!names.has(name)) names.set(name, names.size);
        return names.get(name);
    }
}

export class Panel {
    /** What the browser tests and a curious reader of the console look at. */
    state = { updates: 0, snapshots: 0, series: 0, points: 0, newest: 0, mode: '' };
    table; error = '';
    #page; #spec; #element; #chart; #range; #stop = () => {}; #chosen = []; #chosenAt = 0; #textAt = 0; #described = 0;
    #grid; #lines = []; #drawnTo = 0; #whole = false; #answeredAt = 0; #textTimer;

    /**
     * @param spec of `panelsOf`, with `by` and `shown` as the viewer chose them
     * @param page `{ live, queue, crosshair, colours, choose(panel), changed(panel) }`
     */
    constructor(spec, page) {
        this.#spec = spec;
        this.#page = page;
        this.#element = document.getElementById('panel').content.cloneNode(true).firstElementChild;
        this.#chart = new Chart(this.#element.querySelector('.plot'), () => this.#frame(), page.queue, page.crosshair);
        const heading = this.#element.querySelector('h2');
        heading.id = `panel-${spec.id}`;
        this.#element.setAttribute('aria-labelledby', heading.id);
        this.#element.dataset.panel = spec.id;
        this.#addControls(title(spec.metric.name));
        this.#showTitle();
        page.crosshair.addEventListener('move', this.#readAgain);
    }

    get element() { return this.#element; }
    get id() { return this.#spec.id; }
    get choice() { return { by: this.#spec.by, shown: this.#spec.shown }; }

    remove() {
        this.#stop();
        clearTimeout(this.#textTimer);
        this.#chart.remove();
        this.#page.crosshair.removeEventListener('move', this.#readAgain);
        this.#element.remove();
    }

    restyle() { this.#chart.restyle(); }

    /** Shows another stretch of time, or the same one from the start again. */
    show(range) {
        this.#stop();
        this.#range = range;
        this.#whole = false;
        this.error = '';
        // What is on the chart stays, pale, until the answer is here; a chart that has nothing says what it waits for.
        this.#element.classList.add('waiting');
        this.#hollow(this.state.points ? '' : 'Waiting for data …');
        const { metric, by, shown, weigh } = this.#spec;
        const parameters = { metric: metric.name, agg: weigh ? [...shown, weigh] : shown, by };
        Object.assign(this.state, { mode: range.live ? 'live' : 'history', by, agg: shown, metric: metric.name, range: range.id, points: 0 });
        this.#stop = range.live ? this.#followLive(parameters) : this.#poll(parameters);
    }

    /** The moment a bucket became whole, or a late one may have: draws what there is. */
    tick() { if (this.#whole) this.#page.queue.request(this.#chart); }

    #followLive(parameters) {
        const { window, step, every } = this.#range;
        return this.#page.live.subscribe({ ...parameters, window, step, every }, (table, change) => {
            this.table = table;
            table.trim(this.#page.live.now() - this.#range.ms - 2 * table.step);
            this.#received(change.kind);
            // A bucket that is still growing is not drawn where it would look like a drop, so it needs no drawing either.
            if (change.kind === 'update' && this.#spec.zero && change.oldest >= this.#drawnTo) return;
            this.#page.queue.request(this.#chart);
        });
    }

    #poll(parameters) {
        const control = new AbortController();
        const table = new SeriesTable(parameters.agg, parameters.by);
        let timer;
        const once = async () => {
            try {
                const answer = await query({ ...parameters, from: `-${this.#range.id}` }, { signal: control.signal });
                table.load(answer, this.#page.live.now());
                this.table = table;
                this.error = '';
                this.#received('snapshot');
                this.#page.queue.request(this.#chart);
            } catch (error) {
                if (control.signal.aborted) return;
                this.fail(error.message);
            }
            timer = setTimeout(once, this.#range.refresh);
        };
        once();
        return () => { control.abort(); clearTimeout(timer); };
    }

    /** Says on the panel what went wrong with it alone; what is drawn stays. */
    fail(detail) {
        this.error = detail;
        if (!this.#whole) this.#hollow(detail);
        this.#page.changed(this);
    }

    #received(kind) {
        if (kind === 'snapshot') {
            this.#whole = true;
            this.#answeredAt = this.#page.live.now();
            this.#element.classList.remove('waiting');
            this.#chosenAt = 0;
            this.state.snapshots++;
        } else {
            this.state.updates++;
        }
        this.#page.changed(this);
    }

    /** What the chart is to draw now. */
    #frame() {
        const { shown, zero, unit } = this.#spec;
        if (!this.#whole) return { rows: [], from: 0, to: 0, unit, lines: [] };
        const { table } = this;
        const { step } = table;
        const startOf = (at) => Math.floor((at - SETTLING) / step) * step;
        // The window ends now; what is drawn ends where our knowledge does, or a cut connection would look like a drop.
        const { live } = this.#page;
        const growing = zero ? 0 : step;
        const end = startOf(live.now()) + growing;
        const known = Math.min(end, startOf(this.#range.live ? live.heardAt : this.#answeredAt) + growing);
        this.#choose();
        const grid = table.grid(this.#chosen, end - this.#range.ms, known, zero);
        this.#grid = grid;
        this.#drawnTo = known;
        const several = this.#chosen.length > 1;
        this.#lines = this.#chosen.flatMap((series, s) => shown.map((aggregation, a) => ({
            name: several && shown.length > 1 ? `${series.name} ${aggregation}` : this.#spec.by.length ? series.name : aggregation,
            column: grid.values[s][a],
            ...this.#lookOf(series, aggregation, a, several),
        })));
        const columns = this.#lines.map((line) => line.column);
        const rows = grid.last < 0 ? [] : grid.t.map((t, i) => [t, ...columns.map((column) => column[i])]);
        Object.assign(this.state, { series: table.series.size, points: grid.last + 1, newest: grid.t[grid.last] ?? 0 });
        this.#hollow(rows.length ? '' : `No events in the last ${this.#range.label}`);
        this.#scheduleText();
        const lines = this.#lines.map(({ colour, dash }) => ({ colour, dash }));
        return { rows, from: end - this.#range.ms, to: end - step, unit, lines };
    }

    #lookOf(series, aggregation, a, several) {
        const { by, shown } = this.#spec;
        if (!by.length) return look(shown.length > 1 ? [0, 4, 1][a % 3] : 0);
        const own = look(this.#page.colours.numberOf(by, series.name));
        return several && shown.length > 1 ? { colour: own.colour, dash: [[2, 3], [7, 4], null][a % 3] } : own;
    }

    /** The heaviest series, by name: an order that stays, so that the eye finds a line where it was. */
    #choose() {
        const all = [...this.table.series.values()];
        const now = Date.now();
        const same = this.#chosen.every((series) => all.includes(series));
        if (same && this.#chosen.length === Math.min(all.length, SHOWN_SERIES) && now - this.#chosenAt < CHOICE_EVERY) return;
        this.#chosenAt = now;
        const weight = (series) => {
            let sum = 0;
            for (const point of series.points.values()) sum += point.at(-1) ?? 0;
            return sum;
        };
        const weighed = all.length > SHOWN_SERIES
            ? all.map((series) => [weight(series), series]).sort((a, b) => b[0] - a[0]).map(([, series]) => series) : all;
        this.#chosen = weighed.slice(0, SHOWN_SERIES).sort((a, b) => a.name.localeCompare(b.name));
    }

    // Words and figures.

    #hollow(words) {
        const place = this.#element.querySelector('.hollow');
        place.hidden = !words;
        if (place.textContent !== words) place.textContent = words;
    }

    #showTitle() {
        const { metric, by, shown, choices } = this.#spec;
        const heading = this.#element.querySelector('h2');
        heading.replaceChildren(title(metric.name), node('small', choices ? '' : shown.join(' ')));
        heading.title = `${metric.name}: ${shown.join(', ')}${by.length ? ` by ${by.join(' and ')}` : ''}`;
    }

    #addControls(name) {
        const { metric, choices } = this.#spec;
        const controls = this.#element.querySelector('.controls');
        const add = (label, options, current, apply) => {
            const select = node('select');
            select.setAttribute('aria-label', label);
            select.append(...options.map(([words, value]) => new Option(words, JSON.stringify(value))));
            select.value = JSON.stringify(current);
            select.addEventListener('change', () => {
                apply(JSON.parse(select.value));
                this.#chosen = [];
                this.#showTitle();
                this.#page.choose(this);
                this.show(this.#range);
            });
            controls.append(select);
        };
        if (choices) {
            add(`Aggregation of ${name}`, choices.map((one) => [one.join(' '), one]), this.#spec.shown,
                (shown) => { this.#spec.shown = shown; });
        }
        if (metric.by.length) {
            add(`Grouping of ${name}`, groupings(metric.by).map((by) => [by.length ? `by ${by.join(' + ')}` : 'all', by]),
                this.#spec.by, (by) => { this.#spec.by = by; });
        }
    }

    #readAgain = () => { this.#textAt = 0; this.#scheduleText(); };

    #scheduleText() {
        this.#textTimer ??= setTimeout(() => {
            this.#textTimer = undefined;
            this.#textAt = performance.now();
            this.#showText();
        }, Math.max(0, this.#textAt + TEXT_EVERY - performance.now()));
    }

    #showText() {
        if (!this.#grid || !this.#whole) return;
        const { by, shown, unit } = this.#spec;
        const at = this.#page.crosshair.at;
        const { t, last } = this.#grid;
        const pointed = at === null ? -1 : t.findIndex((start) => Math.abs(start - at) <= this.table.step / 2);
        const when = pointed >= 0 ? time(t[pointed], this.table.step) : this.#range.live && this.#page.live.state.state === 'live' ? 'now' : 'latest';
        const valueOf = ({ column }) => pointed >= 0
            ? column[pointed] : column[last] ?? column.findLast((value) => value !== null) ?? null;
        const figures = this.#figures(pointed, last, when, valueOf);
        const note = figures.length > 1 && pointed >= 0 ? when : this.#note(last);
        const place = this.#element.querySelector('.figures');
        place.replaceChildren(...figures.map(([label, value, line]) => figure(label, value, unit, line)), node('span', note, 'note'));
        this.#showLegend(by.length || this.#lines.length > shown.length ? valueOf : undefined);
        if (pointed < 0) this.#describe(figures);
    }

    /** The big figures, `[label, value, line]`: of the bucket under the crosshair, else of now. */
    #figures(pointed, last, when, valueOf) {
        const { by, shown, weigh, zero } = this.#spec;
        const recent = Math.max(1, Math.round(RECENT / this.table.step));
        const [from, to] = pointed >= 0 ? [pointed, pointed] : [last - recent + 1, last];
        if (zero) return [[when, mean(this.#totals(from, to))]];
        if (weigh) return [[when, this.#pooled(from, to)]];
        if (!by.length) return this.#lines.map((line) => [shown.length > 1 ? line.name : when, valueOf(line), shown.length > 1 && line]);
        const value = (line) => valueOf(line) ?? -Infinity;
        const top = this.#lines.reduce((best, line) => best && value(best) >= value(line) ? best : line, undefined);
        return [top ? [`${when}, highest: ${top.name}`, valueOf(top), top] : [when, null]];
    }

    /** Per bucket from index `from` to `to`, the sum over all series, those too many to be shown included. */
    #totals(from, to) {
        const { t, values } = this.#grid;
        const { series, step } = this.table;
        const all = this.#chosen.length === series.size ? values : this.table.grid([...series.values()], t[0], t.at(-1) + step, true).values;
        const known = (i) => all.some(([column]) => column[i] !== null);
        const totals = [];
        for (let i = Math.max(0, from); i <= to; i++) {
            if (known(i)) totals.push(all.reduce((sum, [column]) => sum + (column[i] ?? 0), 0));
        }
        return totals;
    }

    /** The ratio over all series and the buckets from index `from` to `to`: each weighs as much as it has events. */
    #pooled(from, to) {
        const { t } = this.#grid;
        const start = t[Math.max(0, from)], end = t[to];
        let matched = 0, events = 0;
        for (const { points } of this.table.series.values()) {
            for (const [at, point] of points) {
                if (at < start || at > end) continue;
                matched += (point[0] ?? 0) * (point.at(-1) ?? 0);
                events += point.at(-1) ?? 0;
            }
        }
        return events ? matched / events : null;
    }

    #note(last) {
        const { weigh, zero, unit } = this.#spec;
        if (last < 0) return '';
        if (zero) {
            const totals = this.#totals(0, last);
            return `mean ${text(mean(totals), unit)} · peak ${text(Math.max(...totals), unit)}`;
        }
        return weigh ? `${text(this.#pooled(0, last), unit)} in ${this.#range.label}` : '';
    }

    #showLegend(valueOf) {
        const place = this.#element.querySelector('.legend');
        if (!valueOf) return place.replaceChildren();
        const hidden = this.table.series.size - this.#chosen.length;
        const { shown, unit } = this.#spec;
        const rows = this.#chosen.map((series, s) => {
            const lines = this.#lines.slice(s * shown.length, (s + 1) * shown.length);
            const name = node('span', series.name, 'name');
            name.title = series.name;
            const row = node('li');
            row.append(swatch(lines.at(-1)), name, node('span', lines.map((line) => text(valueOf(line), unit)).join(' · '), 'value'));
            return row;
        });
        if (hidden > 0 || this.table.truncated) {
            rows.push(node('li', this.table.truncated ? 'and more than are listed' : `and ${hidden} more`, 'more'));
        }
        place.replaceChildren(...rows);
    }

    /** The chart in words, for those who do not see it; now and then, so that a screen reader is not kept talking. */
    #describe(figures) {
        const now = performance.now();
        if (this.#described && now - this.#described < 5000) return;
        this.#described = now;
        const { metric, by, shown, unit } = this.#spec;
        const values = figures.map(([label, value]) => `${label} ${text(value, unit)}`.trim()).join(', ');
        const group = by.length ? ` by ${by.join(' and ')}` : '';
        this.#element.querySelector('.canvas').setAttribute('aria-label',
            `${title(metric.name)} (${shown.join(', ')})${group}, last ${this.#range.label}: ${values}`);
    }
}

const mean = (values) => values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;

function node(tag, words = '', className = '') {
    const element = document.createElement(tag);
    element.textContent = words;
    if (className) element.className = className;
    return element;
}

/** A sample of the line as it is drawn, dashes included. */
function swatch({ colour, dash }) {
    const element = node('i', '', dash ? 'swatch dashed' : 'swatch');
    element.style.color = colour;
    return element;
}

function figure(label, value, unit, line) {
    const [digits, name] = quantity(value, unit);
    const element = node('span', '', 'figure');
    const number = node('b', digits);
    number.append(node('small', name));
    if (label) {
        const caption = node('span', '', 'caption');
        if (line) caption.append(swatch(line));
        caption.append(label);
        element.append(caption);
    }
    element.append(number);
    return element;
}
