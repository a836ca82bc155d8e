// Charts on dygraphs, drawn so that the page stays smooth with dozens of them (docs/charts.md has the measurements).
import { axisFormatter, axisTime, isUTC } from './format.js';
import { shortest } from './ranges.js';

// The library's legend sets a style attribute, which our Content-Security-Policy refuses; we have our own legend.
if (globalThis.Dygraph) Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const stillness = matchMedia('(prefers-reduced-motion: reduce)');

const LATE = 22; // ms from a frame to the next: more, and 60 frames a second were too many for what was drawn

/**
 * Draws stale charts, a fifth of them a frame at most, only those that are in view, each with its newest data.
 * Where frames come late, fewer are drawn in each: charts then follow the data less often, and the page stays smooth.
 * Who wishes for less motion gets one drawing a second.
 */
export class DrawQueue {
    #stale = new Set(); #frame = 0; #charts = new Set(); #lastPass = 0; #lastFrame; #share = Infinity;
    /** Charts drawn since the page was opened. */
    drawn = 0;

    #sight = new IntersectionObserver((entries) => {
        for (const { target, isIntersecting } of entries) {
            const chart = [...this.#charts].find((one) => one.box === target);
            if (chart) chart.inView = isIntersecting;
        }
        this.#schedule();
    }, { rootMargin: '200px' });

    add(chart) { this.#charts.add(chart); this.#sight.observe(chart.box); }
    remove(chart) { this.#charts.delete(chart); this.#stale.delete(chart); this.#sight.unobserve(chart.box); }
    request(chart) { this.#stale.add(chart); this.#schedule(); }

    #schedule() { this.#frame ||= requestAnimationFrame((now) => this.#draw(now)); }

    #draw(now) {
        this.#frame = 0;
        const due = [...this.#stale].filter((chart) => chart.inView);
        if (!due.length) return;
        if (stillness.matches) {
            if (now - this.#lastPass < 1000) return this.#schedule();
            this.#lastPass = now;
        }
        const share = stillness.matches ? due.length : this.#shareOf(now);
        // The time to the next frame tells something only if there is more to draw in it.
        this.#lastFrame = due.length > share ? now : undefined;
        for (const chart of due.slice(0, share)) {
            this.#stale.delete(chart);
            chart.draw();
            this.drawn++;
        }
        if (due.length > share) this.#schedule();
    }

    /** How many charts to draw in the frame of `now`, by how long the last one that drew took. */
    #shareOf(now) {
        const most = Math.ceil(this.#charts.size / 5);
        if (this.#lastFrame !== undefined && now - this.#lastFrame > LATE) this.#share *= 0.7;
        else this.#share += 0.1;
        this.#share = Math.min(most, Math.max(1, this.#share));
        return Math.round(this.#share);
    }
}

/** Tells all charts of a page which moment the pointer is at, so that they can be read together. */
export class Crosshair extends EventTarget {
    at = null;
    move(at) {
        if (at === this.at) return;
        this.at = at;
        this.dispatchEvent(new Event('move'));
    }
}

/** The colours of the theme for the canvas, which style sheets do not reach; read once a theme, for reading costs. */
let theme;

function themeColours() {
    if (theme) return theme;
    const style = getComputedStyle(document.documentElement);
    const list = style.getPropertyValue('--series').split(',');
    return theme = { grid: style.getPropertyValue('--grid').trim(), series: list.map((colour) => colour.trim()) };
}

addEventListener('weir-theme', () => { theme = undefined; });

const dashes = [null, [7, 4], [2, 3], [8, 3, 2, 3], [14, 4], [4, 2]];
const repeats = 3; // of the palette's colours: solid, dashed, dotted

/** The n-th way to draw a line, from 0; the first is solid. */
export const dashOf = (index) => dashes[index % dashes.length];

/** The look of the n-th series: as many colours as the palette has, then the same ones dashed. */
export function look(index) {
    const { series } = themeColours();
    return { colour: series[index % series.length], dash: dashOf(Math.floor(index / series.length) % repeats) };
}

/** A round number not below `value`: the top of an axis. */
function roundUp(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10].find((digit) => digit * power >= value * 0.999) * power;
}

/** One line chart; `frame()` of its owner is asked for what to draw, when it is drawn. */
export class Chart {
    inView = true;
    #graph; #shape = ''; #top = 0; #crosshair; #line; #frame; #selection; #zoom; #drag;
    #follow = () => this.#showCrosshair();

    /**
     * @param frame returns `{ rows, from, to, unit, lines }`: rows of `[ms, value, …]`, one `{ colour, dash }` a line
     * @param zoom is called with the two moments between which the reader wants to see more, or where he moved the chart to
     */
    constructor(plot, frame, queue, crosshair, zoom) {
        this.box = plot.querySelector('.canvas');
        this.#line = plot.querySelector('.crosshair');
        this.#selection = plot.querySelector('.selection');
        this.#frame = frame;
        this.#zoom = zoom;
        this.queue = queue;
        this.#crosshair = crosshair;
        this.box.addEventListener('pointerdown', (event) => this.#press(event));
        this.box.addEventListener('pointermove', (event) => this.#move(event));
        this.box.addEventListener('pointerup', (event) => this.#release(event));
        this.box.addEventListener('pointercancel', () => this.#endDrag());
        this.box.addEventListener('pointerleave', () => crosshair.move(null));
        this.box.addEventListener('blur', () => crosshair.move(null));
        crosshair.addEventListener('move', this.#follow);
        // dygraphs listens to the window only, and a panel also changes width with the grid.
        this.sizes = new ResizeObserver(() => { this.#graph?.resize(); queue.request(this); });
        this.sizes.observe(this.box);
        queue.add(this);
    }

    remove() {
        this.queue.remove(this);
        this.sizes.disconnect();
        this.#crosshair.removeEventListener('move', this.#follow);
        this.#graph?.destroy();
    }

    /** Takes the colours of a theme that has changed. */
    restyle() { this.#shape = ''; this.queue.request(this); }

    draw() {
        const { rows, from, to, unit, lines } = this.#frame();
        if (!globalThis.Dygraph || this.#drag?.moves) return;
        const moving = { file: rows, dateWindow: [from, to], valueRange: [0, this.#topFor(rows)] };
        const shape = JSON.stringify([unit, lines, isUTC()]);
        if (shape === this.#shape && rows.length) {
            this.#graph.updateOptions(moving);
        } else {
            this.#graph?.destroy();
            this.#graph = undefined;
            this.#shape = rows.length ? shape : '';
            if (rows.length) this.#graph = new Dygraph(this.box, rows, { ...moving, ...this.#options(unit, lines) });
        }
        this.#showCrosshair();
    }

    #options(unit, lines) {
        const { grid } = themeColours();
        const names = lines.map((_, i) => `line ${i}`);
        return {
            labels: ['time', ...names],
            colors: lines.map((line) => line.colour),
            series: Object.fromEntries(names.map((name, i) => [name, { strokePattern: lines[i].dash }])),
            interactionModel: {}, strokeWidth: 1.5, highlightCircleSize: 0, drawGapEdgePoints: true,
            pointSize: 1.5, fillGraph: lines.length === 1, fillAlpha: 0.1, gridLineColor: grid, axisLineColor: 'transparent',
            axisTickSize: 0, axisLabelFontSize: 11, rightGap: 2, labelsUTC: isUTC(),
            axes: {
                x: {
                    ticker: Dygraph.dateTicker, drawGrid: false, pixelsPerLabel: 90, axisLabelWidth: 70,
                    axisLabelFormatter: (at) => axisTime(Number(at)),
                },
                y: {
                    pixelsPerLabel: 36, axisLabelWidth: 56,
                    axisLabelFormatter: (value) => axisFormatter(unit, this.#top)(value),
                },
            },
        };
    }

    /** The axis grows at once and shrinks late: a top that jumps with every point cannot be read. */
    #topFor(rows) {
        let highest = 0;
        for (const row of rows) for (let i = 1; i < row.length; i++) if (row[i] > highest) highest = row[i];
        const wanted = highest > 0 ? roundUp(highest * 1.05) : 1;
        if (wanted > this.#top || wanted < this.#top * 0.5) this.#top = wanted;
        return this.#top;
    }

    /** The moment under the pointer, or undefined beside the plot. */
    #momentAt(event) {
        if (!this.#graph) return undefined;
        const x = event.clientX - this.box.getBoundingClientRect().left;
        const { x: left, w: width } = this.#graph.getArea();
        if (!this.#drag && (x < left || x > left + width)) return undefined;
        return this.#graph.toDataXCoord(Math.min(left + width, Math.max(left, x)));
    }

    /** Dragging selects what to look at more closely; with Shift it moves the window. */
    #press(event) {
        const at = this.#momentAt(event);
        if (event.button || at === undefined) return;
        this.box.setPointerCapture(event.pointerId);
        this.#drag = { from: at, x: event.clientX, moves: event.shiftKey, window: this.#graph.xAxisRange() };
    }

    #move(event) {
        const drag = this.#drag;
        if (!drag?.moves) this.#crosshair.move(this.#momentAt(event) ?? null);
        if (!drag || Math.abs(event.clientX - drag.x) < 4) return;
        drag.far = true;
        if (drag.moves) return this.#graph.updateOptions({ dateWindow: this.#moved(event) });
        drag.to = this.#momentAt(event);
        const [a, b] = [drag.from, drag.to].map((at) => this.#graph.toDomXCoord(at)).sort((x, y) => x - y);
        const { style } = this.#selection;
        this.#selection.hidden = false;
        style.transform = `translateX(${Math.round(a)}px)`;
        style.width = `${Math.round(b - a)}px`;
        style.height = `${this.#graph.getArea().h}px`;
    }

    /** The window as the drag moved it. */
    #moved(event) {
        const { window: [from, to], x } = this.#drag;
        const by = (x - event.clientX) * (to - from) / this.#graph.getArea().w;
        return [from + by, to + by];
    }

    #release(event) {
        const drag = this.#drag;
        if (!drag) return;
        const [from, to] = drag.far ? drag.moves ? this.#moved(event) : [drag.from, drag.to].sort((a, b) => a - b) : [];
        this.#endDrag();
        if (from === undefined) return;
        const half = Math.max(0, shortest - (to - from)) / 2;
        this.#zoom(Math.round(from - half), Math.round(to + half));
    }

    #endDrag() {
        this.#drag = undefined;
        this.#selection.hidden = true;
    }

    #showCrosshair() {
        const at = this.#crosshair.at;
        const x = at === null || !this.#graph ? -1 : this.#graph.toDomXCoord(at);
        const area = this.#graph?.getArea();
        this.#line.hidden = !area || x < area.x || x > area.x + area.w;
        if (this.#line.hidden) return;
        this.#line.style.transform = `translateX(${Math.round(x)}px)`;
        this.#line.style.height = `${area.h}px`;
    }
}
