// The page: what is shown when, how the connection is, and what the reader should know.
import { BoardPage, boardsMenu } from './boards.js';
import { Crosshair, DrawQueue } from './chart.js';
import { iconButton, make } from './dom.js';
import { setZone } from './format.js';
import { Health } from './health.js';
import { listen, showHelp } from './keys.js';
import { MetricPage } from './metric.js';
import { OpsPage } from './ops.js';
import { OverviewPage } from './page.js';
import { ColourBook } from './panel.js';
import { rangeOf } from './ranges.js';
import { Session } from './session.js';
import { TimeBar } from './timebar.js';
import { View } from './view.js';
import { WeirLive, metrics } from './weir.js';

const METRICS_EVERY = 30_000, METRICS_EVERY_WHILE_EMPTY = 2_000; // ms between looks for new metrics
const pages = { overview: OverviewPage, metric: MetricPage, ops: OpsPage, board: BoardPage };

const element = (id) => document.getElementById(id);
const live = new WeirLive();
const view = new View();
const health = new Health(live);
const time = new TimeBar(element('time'), view, () => live.now());
const session = new Session(() => { live.close(); live.open(); loadMetrics(); }, () => live.close());

/** What all pages and their panels share. */
const page = {
    live, view, session, health, queue: new DrawQueue(), crosshair: new Crosshair(), colours: new ColourBook(), metrics: undefined,
    zoom: time.zoom, changed: () => showDegraded(), panels: () => shown.panels,
    say(words) { element('said').textContent = words; },
    choose({ id, choice: { by, shown } }) { view.go({ [`p.${id}`]: `${by.join()}/${shown.join()}` }, { replace: true }); },
    title(words, ...tools) {
        element('title').textContent = words;
        document.title = words === 'Overview' ? 'Weir' : `${words} · Weir`;
        element('page-tools').replaceChildren(...tools);
    },
    /** Fetches by `ask`; an answer that asks for a token leads to the sign-in. */
    async ask(ask) {
        try {
            return await ask();
        } catch (error) {
            if (error.status === 401) session.ask(error.message);
            throw error;
        }
    },
};
let shown, shownKey = '', shownRange = '', metricsTimer, unanswered = '';

// Pages.

const keyOf = () => JSON.stringify([view.get('view'), view.get('metric'), view.get('board')]);

function show() {
    const key = keyOf();
    const range = rangeOf(view);
    setZone(view.get('zone') === 'utc');
    if (key !== shownKey) {
        shown?.remove();
        shownKey = key;
        element('overview').className = '';
        page.crosshair.move(null);
        shown = new (pages[view.get('view')] ?? OverviewPage)(element('overview'), page);
        shownRange = '';
        if (page.metrics) shown.arrange(page.metrics);
        for (const link of document.querySelectorAll('nav [data-view]')) {
            if (link.dataset.view === (view.get('view') ?? 'overview')) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
        }
    }
    const rangeKey = JSON.stringify([range.id, view.get('zone')]);
    if (rangeKey !== shownRange) {
        shownRange = rangeKey;
        for (const link of document.querySelectorAll('nav a')) link.href = view.linkTo(link.dataset.view === 'overview' ? {} : { view: link.dataset.view });
        document.querySelector('.brand').href = view.linkTo({});
        element('zone').textContent = view.get('zone') === 'utc' ? 'UTC' : 'Local';
        shown.show(range);
    } else {
        shown.viewChanged?.();
    }
    time.show();
    showDegraded();
}

function showDegraded() {
    const panels = [...shown?.panels.values() ?? []];
    health.degraded(panels.flatMap(({ table }) => table?.degraded ?? []), rangeOf(view).live);
    health.fresh(Math.max(0, ...panels.map(({ table }) => table?.asOf ?? 0)));
    const stale = panels.find(({ error, table }) => error && table);
    health.notify('stale', stale ? `Not all charts could be refreshed: ${stale.error}` : '');
}

async function loadMetrics() {
    clearTimeout(metricsTimer);
    try {
        page.metrics = await page.ask(metrics);
        session.close();
        element('overview').setAttribute('aria-busy', 'false');
        shown.arrange(page.metrics);
        health.notify('metrics', '');
        unanswered = '';
    } catch (error) {
        if (error.status === undefined) throw error; // a fault of this page
        unanswered = error.message;
        if (error.status === 401) return;
        if (error.status) health.notify('metrics', `The metrics could not be listed. ${error.message}`);
        else if (!page.metrics) health.notify('metrics', 'The server does not answer; this page goes on trying.');
    }
    const empty = !page.metrics?.some(({ series }) => series !== 0);
    metricsTimer = setTimeout(loadMetrics, empty ? METRICS_EVERY_WHILE_EMPTY : METRICS_EVERY);
}

/** Once a second, just after the server's clock has turned and the last second's data have come. */
function tick() {
    if (rangeOf(view).live) for (const panel of shown.panels.values()) panel.tick();
    health.tick();
    setTimeout(tick, 1000 - (live.now() - 350) % 1000);
}

// The frame.

const toggleZone = () => view.go({ zone: view.get('zone') === 'utc' ? null : 'utc' }, { replace: true });
function toggleTheme() {
    localStorage.setItem('weir.theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
    dispatchEvent(new Event('weir-theme-chosen'));
}

document.querySelector('nav').append(...[['overview', 'Overview'], ['ops', 'Operations']].map(([name, words]) =>
    make('a', { 'data-view': name, href: '#' }, words)), boardsMenu(page));
element('tools').append(
    make('button', { type: 'button', class: 'quiet wide', id: 'zone', title: 'Times in your zone or in UTC ( u )', 'aria-label': 'Zone of times', onclick: toggleZone }),
    iconButton('theme', 'Light or dark ( t )', toggleTheme), iconButton('help', 'Keyboard ( ? )', showHelp), session.button);
listen({ view, time, page, panels: () => shown.panels, toggleZone, toggleTheme });

live.addEventListener('state', () => {
    health.tick();
    // A server that asks for a token refuses the WebSocket without a word the page could read; this asks aloud.
    if (['live', 'waiting'].includes(live.state.state) && !session.isAsking) loadMetrics();
});
live.addEventListener('status', ({ detail }) => { health.liveDegraded = detail.degraded ?? []; showDegraded(); });
live.addEventListener('problem', ({ detail }) => {
    for (const panel of shown.panels.values()) {
        if (detail.id?.startsWith(`${panel.state.metric}|${panel.state.agg}`)) panel.fail?.(detail.detail);
    }
});
addEventListener('weir-theme', () => { for (const panel of shown?.panels.values() ?? []) panel.restyle(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden && !rangeOf(view).live) shown.show(rangeOf(view)); });
view.addEventListener('change', show);
document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault(); // the address's fragment is ours
    element('overview').focus();
});

if (!globalThis.Dygraph) {
    document.body.dataset.charts = 'missing';
    health.notify('library', 'The chart library is missing on the server, so that only figures are shown: '
        + 'install the package libjs-dygraphs there (apt-get install libjs-dygraphs) and restart Weir.', 'error');
}
window.weir = {
    get state() {
        return {
            connection: live.state.state, received: live.received, drawn: page.queue.drawn, range: rangeOf(view).id, view: view.get('view') ?? 'overview',
            unanswered, panels: [...shown.panels.values()].map(({ id, state, error }) => ({ id, ...state, error })),
        };
    },
    pictureOf: (id) => shown.panels.get(id)?.picture,
};
show();
live.open();
loadMetrics();
tick();
