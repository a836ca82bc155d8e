// The page of charts_bench.py: N charts x 10 series x 300 points, a new point in every chart 10 times a second.
const asked = new URLSearchParams(location.search);
const SERIES = 10, POINTS = 300, STEP = 1000, EVERY = 100;
const palette = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#999', '#444', '#a50', '#05a'];
let clock = Math.floor(Date.now() / STEP) * STEP;

/** Each value is a random walk, so that the vertical axis moves as it does in life. */
function makeRows() {
    const walk = Array.from({ length: SERIES }, (_, i) => 50 + i * 20);
    const next = (t) => [t, ...walk.map((v, i) => (walk[i] = Math.max(0, v + (Math.random() - 0.5) * 12)))];
    const rows = [];
    for (let i = POINTS; i > 0; i--) rows.push(next(clock - i * STEP));
    return { rows, push(t) { rows.shift(); rows.push(next(t)); } };
}

const labels = ['t', ...palette.map((_, i) => `series ${i}`)];
const makers = {
    none: () => () => {},

    dygraphs(box, data) {
        const graph = new Dygraph(box, data.rows, { labels, colors: palette, legend: 'never' });
        return () => graph.updateOptions({ file: data.rows });
    },

    // The same drawing, but never all charts in one frame: see `spread`.
    'dygraphs-spread': (box, data) => makers.dygraphs(box, data),

    chartjs(box, data) { return chartjs(box, data, {}); },

    'chartjs-tuned'(box, data) {
        return chartjs(box, data, {
            animation: false, parsing: false, normalized: true, spanGaps: true, events: [], devicePixelRatio: 1,
            plugins: { legend: { display: false }, tooltip: { enabled: false } }, datasets: { line: { pointRadius: 0 } },
            scales: { x: { type: 'linear', ticks: { maxRotation: 0, sampleSize: 1 } } },
        });
    },
};

function chartjs(box, data, tuning) {
    const canvas = box.appendChild(document.createElement('canvas'));
    const datasets = palette.map((borderColor, i) => ({
        label: labels[i + 1], borderColor, borderWidth: 1,
        data: data.rows.map((row) => ({ x: row[0], y: row[i + 1] })),
    }));
    const chart = new Chart(canvas, {
        type: 'line', data: { datasets },
        options: { maintainAspectRatio: false, scales: { x: { type: 'linear' } }, ...tuning },
    });
    return () => {
        const row = data.rows[POINTS - 1];
        datasets.forEach((set, i) => { set.data.shift(); set.data.push({ x: row[0], y: row[i + 1] }); });
        chart.update(tuning.animation === false ? 'none' : undefined);
    };
}

const spread = asked.get('case').endsWith('-spread'), stale = [];
let draw, charts, timer, frames, updates, running;
addEventListener('load', () => {
    charts = Array.from({ length: Number(asked.get('charts')) }, () => {
        const box = document.body.appendChild(document.createElement('div'));
        box.className = 'chart';
        const data = makeRows();
        return { data, draw: makers[asked.get('case')](box, data) };
    });
    tick();
    timer = setInterval(tick, EVERY);
});

/** Data come when they come; drawing waits for the next frame, as the dashboard does it. */
function tick() {
    clock += STEP;
    charts.forEach((chart) => chart.data.push(clock));
    updates++;
    if (spread) stale.push(...charts.filter((chart) => !stale.includes(chart)));
    else if (!draw) draw = requestAnimationFrame(() => { draw = 0; charts.forEach((chart) => chart.draw()); });
    if (spread && !draw) draw = requestAnimationFrame(drawSome);
}

/** A fifth of the charts a frame: at 60 frames/s all are drawn before the next data arrive. */
function drawSome() {
    stale.splice(0, Math.ceil(charts.length / 5)).forEach((chart) => chart.draw());
    draw = stale.length ? requestAnimationFrame(drawSome) : 0;
}

function start() {
    frames = []; updates = 0; running = true;
    const begun = performance.now();
    requestAnimationFrame(function frame(now) {
        if (!running) return;
        const second = Math.floor((now - begun) / 1000);
        if (second >= 0) frames[second] = (frames[second] ?? 0) + 1;
        requestAnimationFrame(frame);
    });
}

function stop() {
    running = false;
    clearInterval(timer);
    return { updates, framesPerSecond: Array.from(frames.slice(0, -1), (n) => n ?? 0) };
}
