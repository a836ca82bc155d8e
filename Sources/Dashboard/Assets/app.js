// The page: what is shown when, how the connection is, and what the reader should know.
import { Crosshair, DrawQueue } from './chart.js';
import { time } from './format.js';
import { firstEvent, panelsOf } from './overview.js';
import { ColourBook, Panel } from './panel.js';
import { WeirLive, metrics } from './weir.js';

const minute = 60_000, hour = 60 * minute;
const ranges = [
    { id: '1m', label: '1 min', live: true, ms: minute, window: '1m', step: '1s', every: '100ms' },
    { id: '5m', label: '5 min', live: true, ms: 5 * minute, window: '5m', step: '1s', every: '100ms' },
    { id: '15m', label: '15 min', live: true, ms: 15 * minute, window: '15m', step: '5s', every: '500ms' },
    { id: '1h', label: '1 h', ms: hour, refresh: 10_000 },
    { id: '6h', label: '6 h', ms: 6 * hour, refresh: 30_000 },
    { id: '24h', label: '24 h', ms: 24 * hour, refresh: minute },
    { id: '7d', label: '7 d', ms: 7 * 24 * hour, refresh: 5 * minute },
];
const METRICS_EVERY = 30_000, METRICS_EVERY_WHILE_EMPTY = 2_000; // ms between looks for new metrics

const element = (id) => document.getElementById(id);
const live = new WeirLive();
const page = { live, queue: new DrawQueue(), crosshair: new Crosshair(), colours: new ColourBook(), choose, changed };
const panels = new Map();
let range = ranges[1], definitions = '', metricsTimer, liveDegraded = [], unanswered = '';

// The address holds what the reader chose, so that a link shows the same: #range=15m&request_count=endpoint/rate

const address = () => new URLSearchParams(location.hash.slice(1));

function remember(key, value) {
    const chosen = address();
    chosen.set(key, value);
    history.replaceState(null, '', `#${chosen}`);
}

function choose(panel) {
    const { by, shown } = panel.choice;
    remember(panel.id, `${by.join()}/${shown.join()}`);
}

function chosen(spec) {
    const text = address().get(spec.id);
    if (text === null) return spec;
    const [by, shown] = text.split('/').map((part) => part.split(',').filter(Boolean));
    const known = by.every((label) => spec.metric.by.includes(label));
    const choice = spec.choices?.find((one) => one.join() === shown?.join());
    return { ...spec, by: known ? by : spec.by, shown: choice ?? spec.shown };
}

function showRange(next) {
    range = next;
    for (const panel of panels.values()) panel.show(range);
    notifyAboutDegraded();
}

function addRanges() {
    const wanted = address().get('range');
    range = ranges.find(({ id }) => id === wanted) ?? range;
    for (const one of ranges) {
        const label = document.createElement('label');
        const input = Object.assign(document.createElement('input'), {
            type: 'radio', name: 'range', value: one.id, checked: one === range,
        });
        input.addEventListener('change', () => { remember('range', one.id); showRange(one); });
        label.append(input, one.label);
        label.className = one.live ? 'live' : 'past';
        label.title = one.live ? `Live, the last ${one.label}` : `The last ${one.label}, refreshed`;
        element('ranges').append(label);
    }
}

// Notices, one a key: set, changed or taken away.

const notices = new Map();

function notify(key, text, kind = 'warning') {
    const present = notices.get(key);
    if ((present?.textContent ?? '') === text) return;
    present?.remove();
    notices.delete(key);
    if (!text) return;
    const notice = document.createElement('p');
    notice.className = `notice ${kind}`;
    notice.textContent = text;
    notices.set(key, notice);
    element('notices').append(notice);
}

const losses = {
    postgres: 'PostgreSQL is out of reach: history older than about an hour may be missing.',
    redis: 'Redis is out of reach: recent data may be missing, and charts may stand still.',
};

function notifyAboutDegraded() {
    const answered = [...panels.values()].flatMap(({ table }) => table?.degraded ?? []);
    const stores = new Set(range.live ? liveDegraded : answered);
    for (const [store, words] of Object.entries(losses)) notify(store, stores.has(store) ? words : '');
}

// Metrics and panels.

async function loadMetrics() {
    clearTimeout(metricsTimer);
    try {
        arrange(await metrics());
        notify('metrics', '');
    } catch (error) {
        unanswered = error.message;
        if (error.status === 401 || error.status === 403) notify('metrics', `This server asks for a token. ${error.message}`);
        else if (error.status) notify('metrics', `The metrics could not be listed. ${error.message}`);
        else if (!panels.size) notify('metrics', 'The server does not answer; this page goes on trying.');
    }
    metricsTimer = setTimeout(loadMetrics, panels.size ? METRICS_EVERY : METRICS_EVERY_WHILE_EMPTY);
}

function arrange(list) {
    const overview = element('overview');
    overview.setAttribute('aria-busy', 'false');
    // `series` is left away where the server does not count them: then every metric is taken to have some.
    const filled = list.filter((metric) => metric.series !== 0);
    showEmpty(filled.length === 0);
    const arranged = JSON.stringify(filled.map(({ series, ...definition }) => definition));
    if (arranged === definitions) return;
    definitions = arranged;
    for (const panel of panels.values()) panel.remove();
    panels.clear();
    for (const spec of panelsOf(filled)) {
        const panel = new Panel(chosen(spec), page);
        panels.set(spec.id, panel);
        overview.append(panel.element);
        panel.show(range);
    }
}

function showEmpty(isEmpty) {
    const present = document.querySelector('.empty');
    if (!isEmpty) return present?.remove();
    if (present) return;
    const box = element('empty').content.cloneNode(true).firstElementChild;
    const command = firstEvent(location.origin);
    box.querySelector('code').textContent = command;
    const button = box.querySelector('button');
    button.addEventListener('click', async () => {
        await navigator.clipboard?.writeText(command.replaceAll(' \\\n', '')).then(() => { button.textContent = 'Copied'; }, () => {});
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    element('overview').append(box);
}

function changed() {
    if (!range.live) notifyAboutDegraded();
    const stale = [...panels.values()].find(({ error, table }) => error && table);
    notify('stale', stale ? `Not all charts could be refreshed: ${stale.error}` : '');
}

// Connection and clock.

const lights = { connecting: 'Connecting', live: 'Live', offline: 'Offline' };

function showConnection() {
    const { state, retryAt } = live.state;
    document.body.dataset.connection = state;
    const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
    const [light, wait] = [element('connection').querySelector('b'), element('connection').querySelector('span')];
    const words = state === 'waiting' ? 'Reconnecting' : lights[state];
    if (light.textContent !== words) light.textContent = words;
    // Seconds that count down are for the eye: a screen reader would speak each of them.
    wait.textContent = state === 'waiting' ? `in ${seconds} s` : '';
}

function showAsOf() {
    const newest = Math.max(0, ...[...panels.values()].map(({ table }) => table?.asOf ?? 0));
    if (!newest) return;
    const age = Math.round((live.now() - newest) / 1000);
    const ago = age < 10 ? '' : age < 120 ? ` (${age} s ago)` : age < 7200 ? ` (${Math.round(age / 60)} min ago)` : '';
    element('as-of').textContent = `data as of ${time(newest)}${ago}`;
}

/** Once a second, just after the server's clock has turned and the last second's data have come. */
function tick() {
    for (const panel of panels.values()) if (range.live) panel.tick();
    showConnection();
    showAsOf();
    setTimeout(tick, 1000 - (live.now() - 350) % 1000);
}

live.addEventListener('state', () => {
    showConnection();
    if (live.state.state === 'live') loadMetrics();
});
live.addEventListener('status', ({ detail }) => { liveDegraded = detail.degraded ?? []; notifyAboutDegraded(); });
live.addEventListener('problem', ({ detail }) => {
    for (const panel of panels.values()) {
        if (detail.id?.startsWith(`${panel.state.metric}|${panel.state.agg}`)) panel.fail(detail.detail);
    }
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => panels.forEach((panel) => panel.restyle()));
addEventListener('hashchange', () => location.reload());
document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault(); // the address's fragment is ours
    element('overview').focus();
});

if (!globalThis.Dygraph) {
    document.body.dataset.charts = 'missing';
    notify('library', 'The chart library is missing on the server, so that only figures are shown: '
        + 'install the package libjs-dygraphs there (apt-get install libjs-dygraphs) and restart Weir.', 'error');
}
window.weir = {
    get state() {
        return {
            connection: live.state.state, received: live.received, drawn: page.queue.drawn, range: range.id,
            unanswered, panels: [...panels.values()].map(({ id, state, error }) => ({ id, ...state, error })),
        };
    },
};
addRanges();
live.open();
loadMetrics();
tick();
