// A metric as a line chart: its title and choices, the figures of now, the chart and its legend, or a table in their place.
import { Chart, dashOf, look } from './chart.js';
import { download, make } from './dom.js';
import { text, time } from './format.js';
import { Frame, headingOf } from './frame.js';
import { groupings } from './overview.js';
import { csv, mean, pooled, totals } from './reading.js';
import { SeriesTable } from './series.js';
import { query } from './weir.js';
import { figure, legendRows, pointsTable, summaryTable } from './widgets.js';

const SHOWN_SERIES = 10, SHOWN_LARGE = 20;
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

export class LinePanel extends Frame {
    #chart; #range; #stop = () => {}; #chosen = []; #chosenAt = 0; #textAt = 0; #described = 0;
    #grid; #lines = []; #drawnTo = 0; #whole = false; #answeredAt = 0; #textTimer; #pick;

    /** `options.pick(labels)`, where it is given, shows one series alone. */
    constructor(spec, page, options = {}) {
        super(spec, page, options);
        this.#pick = options.pick;
        this.#chart = new Chart(this.find('.plot'), () => this.#frame(), page.queue, page.crosshair, page.zoom);
        if (!this.large) this.#addChoices();
        this.find('.canvas').addEventListener('keydown', (event) => this.#moveCrosshair(event));
        page.crosshair.addEventListener('move', this.#readAgain);
        this.asTable = page.view.list('table').includes(this.id);
    }

    remove() {
        this.#stop();
        clearTimeout(this.#textTimer);
        this.#chart.remove();
        this.page.crosshair.removeEventListener('move', this.#readAgain);
        super.remove();
    }

    restyle() { this.#chart.restyle(); }

    /** What is drawn: `t` are the buckets' starts, of each line `column[i]` is the value of bucket `t[i]`. */
    get picture() { return { t: this.#grid?.t ?? [], lines: this.#lines.map(({ name, column }) => ({ name, column })) }; }

    entries() {
        return [...super.entries(),
            [this.asTable ? 'Show as chart' : 'Show as table', () => this.toggleTable()],
            ['Download CSV', () => download(`${this.id}.csv`, 'text/csv', this.#grid ? csv(this.#grid, this.#lines) : '')],
        ];
    }

    /** Shows a table in place of the chart, or the chart again. */
    toggleTable() {
        const held = this.element.contains(document.activeElement);
        this.asTable = !this.asTable;
        const others = this.page.view.list('table').filter((id) => id !== this.id);
        this.page.view.go({ table: [...others, ...(this.asTable ? [this.id] : [])].join() }, { replace: true });
        this.#showText();
        this.page.queue.request(this.#chart);
        if (held) this.focus(); // what had the keyboard is gone
    }

    /** Shows another stretch of time, or the same one from the start again. */
    show(range) {
        this.#stop();
        this.#range = range;
        this.#whole = false;
        this.error = '';
        // What is on the chart stays, pale, until the answer is here; a chart that has nothing says what it waits for.
        this.element.classList.add('waiting');
        this.hollow(this.state.points ? '' : 'Waiting for data …');
        const { metric, by, shown, weigh, filter } = this.spec;
        const parameters = { metric: metric.name, agg: weigh ? [...shown, weigh] : shown, by, label: filter };
        Object.assign(this.state, { mode: range.live ? 'live' : 'history', by, agg: shown, metric: metric.name, range: range.id, points: 0 });
        this.#stop = range.live ? this.#followLive(parameters) : this.#poll(parameters);
    }

    /** The moment a bucket became whole, or a late one may have: draws what there is. */
    tick() { if (this.#whole) this.page.queue.request(this.#chart); }

    #followLive(parameters) {
        const { window, step, every } = this.#range;
        return this.page.live.subscribe({ ...parameters, window, step, every }, (table, change) => {
            this.table = table;
            this.#received(change.kind);
            // A bucket that is still growing is not drawn where it would look like a drop, so it needs no drawing either.
            if (change.kind === 'update' && this.spec.zero && change.oldest >= this.#drawnTo) return;
            this.page.queue.request(this.#chart);
        });
    }

    #poll(parameters) {
        const control = new AbortController();
        const table = new SeriesTable(parameters.agg, parameters.by);
        const { id, from, to, refresh } = this.#range;
        let timer;
        const once = async () => {
            try {
                if (!document.hidden || !this.#whole) {
                    const answer = await query({ ...parameters, from: from ?? `-${id}`, to: to ?? 'now' }, { signal: control.signal });
                    table.load(answer, this.page.live.now());
                    this.table = table;
                    this.error = '';
                    this.#received('snapshot');
                    this.page.queue.request(this.#chart);
                }
            } catch (error) {
                if (control.signal.aborted) return;
                this.fail(error.message);
            }
            timer = setTimeout(once, refresh);
        };
        once();
        return () => { control.abort(); clearTimeout(timer); };
    }

    /** Says on the panel what went wrong with it alone; what is drawn stays. */
    fail(detail) {
        this.error = detail;
        if (!this.#whole) this.hollow(detail);
        this.page.changed(this);
    }

    #received(kind) {
        if (kind === 'snapshot') {
            this.#whole = true;
            this.#answeredAt = this.page.live.now();
            this.element.classList.remove('waiting');
            this.#chosenAt = 0;
            this.state.snapshots++;
        } else {
            this.state.updates++;
        }
        this.page.changed(this);
    }

    /** What the chart is to draw now. */
    #frame() {
        const { shown, zero, unit } = this.spec;
        if (!this.#whole) return { rows: [], from: 0, to: 0, unit, lines: [] };
        const { table } = this;
        const { step } = table;
        const range = this.#range;
        const startOf = (at) => Math.floor((at - SETTLING) / step) * step;
        // The window ends now; what is drawn ends where our knowledge does, or a cut connection would look like a drop.
        const { live } = this.page;
        // So would a minute of uniques, once there is one before it.
        const now = startOf(live.now());
        const growing = zero || shown[0] === 'unique' && [...table.series.values()].some(({ points }) => points.has(now - step)) ? 0 : step;
        const end = range.to === undefined ? now + growing : Math.ceil(range.to / step) * step;
        const known = Math.min(end, startOf(range.live ? live.heardAt : this.#answeredAt) + growing);
        const start = range.from ?? end - range.ms;
        this.#choose();
        const grid = table.grid(this.#chosen, Math.floor(start / step) * step, known, zero);
        this.#grid = grid;
        this.#drawnTo = known;
        const several = this.#chosen.length > 1;
        this.#lines = this.#chosen.flatMap((series, s) => shown.map((aggregation, a) => ({
            name: !this.spec.by.length ? aggregation : shown.length > 1 ? `${series.name} ${aggregation}` : series.name,
            column: grid.values[s][a], labels: this.spec.by.length ? series.labels : undefined,
            ...this.#lookOf(series, a, several),
        })));
        const columns = this.#lines.map((line) => line.column);
        const rows = grid.last < 0 ? [] : grid.t.map((t, i) => [t, ...columns.map((column) => column[i])]);
        Object.assign(this.state, { series: table.series.size, points: grid.last + 1, newest: grid.t[grid.last] ?? 0, first: rows.length ? grid.t[0] : 0, step });
        this.hollow(rows.length ? '' : `No events in ${range.from === undefined ? `the last ${range.label}` : range.label}`);
        this.#scheduleText();
        const lines = this.#lines.map(({ colour, dash }) => ({ colour, dash }));
        this.state.lines = this.#lines.map(({ name, colour, dash }) => `${name} ${colour} ${dash}`);
        return { rows, from: start, to: end - step, unit, lines };
    }

    /** The colour says the series and the dashes the aggregation; where there is one series, colours are free for aggregations. */
    #lookOf(series, a, several) {
        const { by, shown } = this.spec;
        if (shown.length > 1 && !several) return look([0, 4, 1, 2, 3, 5][a % 6]);
        const own = look(by.length ? this.page.colours.numberOf(by, series.name) : 0);
        return shown.length > 1 ? { colour: own.colour, dash: dashOf(shown.length - 1 - a) } : own;
    }

    /** The heaviest series, by name: an order that stays, so that the eye finds a line where it was. */
    #choose() {
        const most = this.large ? SHOWN_LARGE : SHOWN_SERIES;
        const all = [...this.table.series.values()];
        const now = Date.now();
        const same = this.#chosen.every((series) => all.includes(series));
        if (same && this.#chosen.length === Math.min(all.length, most) && now - this.#chosenAt < CHOICE_EVERY) return;
        this.#chosenAt = now;
        const weight = (series) => {
            let sum = 0;
            for (const point of series.points.values()) sum += point.at(-1) ?? 0;
            return sum;
        };
        const weighed = all.length > most
            ? all.map((series) => [weight(series), series]).sort((a, b) => b[0] - a[0]).map(([, series]) => series) : all;
        this.#chosen = weighed.slice(0, most).sort((a, b) => a.name.localeCompare(b.name));
    }

    #addChoices() {
        const { metric, choices } = this.spec;
        const name = headingOf(this.spec);
        const changed = (change) => {
            Object.assign(this.spec, change);
            this.#chosen = [];
            this.showTitle();
            this.page.choose(this);
            this.show(this.#range);
        };
        if (choices) this.addSelect(`Aggregation of ${name}`, choices.map((one) => [one.join(' '), one]), this.spec.shown, (shown) => changed({ shown }));
        if (metric.by.length) {
            this.addSelect(`Grouping of ${name}`, groupings(metric.by).map((by) => [by.length ? `by ${by.join(' + ')}` : 'all', by]),
                this.spec.by, (by) => changed({ by }));
        }
    }

    /** The arrow keys walk the shared crosshair through the buckets. */
    #moveCrosshair(event) {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!by || event.ctrlKey || event.metaKey || event.altKey || !this.#grid || this.#grid.last < 0) return;
        event.preventDefault();
        const { t, last } = this.#grid;
        const { crosshair } = this.page;
        const at = crosshair.at === null ? last + (by < 0 ? 1 : 0) : Math.round((crosshair.at - t[0]) / this.table.step);
        const i = Math.min(last, Math.max(0, at + by * (event.shiftKey ? 10 : 1)));
        crosshair.move(t[i]);
        this.page.say(`${time(t[i], this.table.step)}: ${this.#lines.slice(0, 5).map((line) => `${line.name} ${text(line.column[i], this.spec.unit)}`).join(', ')}`);
    }

    // Words and figures.

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
        const { by, shown, unit } = this.spec;
        const at = this.page.crosshair.at;
        const { t, last } = this.#grid;
        const pointed = at === null ? -1 : t.findIndex((start) => Math.abs(start - at) <= this.table.step / 2);
        const when = pointed >= 0 ? time(t[pointed], this.table.step) : this.#range.live && this.page.live.state.state === 'live' ? 'now' : 'latest';
        const valueOf = ({ column }) => pointed >= 0
            ? column[pointed] : column[last] ?? column.findLast((value) => value !== null) ?? null;
        const figures = this.#figures(pointed, last, when, valueOf);
        const note = figures.length > 1 && pointed >= 0 ? when : this.#note(last);
        this.find('.figures').replaceChildren(...figures.map(([label, value, line]) => figure(label, value, unit, line)), make('span', { class: 'note' }, note));
        if (this.large) this.#showSummary(valueOf, when);
        else this.#showLegend(by.length || this.#lines.length > shown.length ? valueOf : undefined);
        this.#showTable();
        this.showAnswered();
        if (pointed < 0) this.#describe(figures);
    }

    /** The big figures, `[label, value, line]`: of the bucket under the crosshair, else of now. */
    #figures(pointed, last, when, valueOf) {
        const { by, shown, weigh, zero } = this.spec;
        const recent = Math.max(1, Math.round(RECENT / this.table.step));
        const [from, to] = pointed >= 0 ? [pointed, pointed] : [last - recent + 1, last];
        if (zero) return [[when, mean(totals(this.table, this.#grid, from, to))]];
        if (weigh) return [[when, pooled(this.table, this.#grid, from, to)]];
        if (!by.length || this.#chosen.length === 1 && shown.length > 1) {
            return this.#lines.map((line) => [shown.length > 1 ? line.name : when, valueOf(line), shown.length > 1 && line]);
        }
        const value = (line) => valueOf(line) ?? -Infinity;
        const top = this.#lines.reduce((best, line) => best && value(best) > value(line) ? best : line, undefined);
        return [top ? [`${when}, highest: ${top.name}`, valueOf(top), top] : [when, null]];
    }

    #note(last) {
        const { weigh, zero, unit } = this.spec;
        if (last < 0) return '';
        if (zero) {
            const all = totals(this.table, this.#grid, 0, last);
            return `mean ${text(mean(all), unit)} · peak ${text(Math.max(...all), unit)}`;
        }
        return weigh ? `${text(pooled(this.table, this.#grid, 0, last), unit)} in ${this.#range.label}` : '';
    }

    /** That not all series are here: those beyond what is drawn, and those beyond what the server sent. */
    get #more() {
        const hidden = this.table.series.size - this.#chosen.length;
        if (this.table.truncated) return `The ${this.table.series.size} heaviest series were sent, and more match: filter or group to see them.`;
        return hidden > 0 ? `and ${hidden} more` : '';
    }

    #showLegend(valueOf) {
        const place = this.find('.legend');
        if (!valueOf) return place.replaceChildren();
        const { shown, unit } = this.spec;
        const groups = this.#chosen.map((series, s) => ({ name: series.name, lines: this.#lines.slice(s * shown.length, (s + 1) * shown.length) }));
        place.replaceChildren(...legendRows(groups, valueOf, unit), ...(this.#more ? [make('li', { class: 'more' }, this.#more)] : []));
    }

    #showSummary(valueOf, when) {
        const place = this.find('.points');
        if (this.asTable || place.matches(':hover') && place.contains(document.activeElement)) return;
        place.replaceChildren(summaryTable(this.#lines, this.spec.unit, valueOf, when === 'now' || when === 'latest' ? 'Last' : when, this.#pick), this.#more && make('p', { class: 'muted' }, this.#more) || '');
    }

    #showTable() {
        this.element.classList.toggle('as-table', this.asTable);
        const place = this.find('.points');
        if (!this.asTable) {
            place.removeAttribute('tabindex');
            if (!this.large) place.replaceChildren();
            return;
        }
        const { unit } = this.spec;
        place.tabIndex = 0;
        place.setAttribute('aria-label', `${headingOf(this.spec)}, as a table`);
        place.replaceChildren(pointsTable(headingOf(this.spec), this.#grid, this.#lines, unit, this.table.step));
    }

    /** The chart in words, for those who do not see it; now and then, so that a screen reader is not kept talking. */
    #describe(figures) {
        const now = performance.now();
        if (this.#described && now - this.#described < 5000) return;
        this.#described = now;
        const { by, shown, unit } = this.spec;
        const values = figures.map(([label, value]) => `${label} ${text(value, unit)}`.trim()).join(', ');
        const group = by.length ? ` by ${by.join(' and ')}` : '';
        this.find('.canvas').setAttribute('aria-label',
            `${headingOf(this.spec)} (${shown.join(', ')})${group}, ${this.#range.from === undefined ? 'last ' : ''}${this.#range.label}: ${values}`);
    }
}
