// How the installation is: what comes in, what waits, who answers, what is kept, and whether the books agree.
import { make } from './dom.js';
import { count as counted, duration, fullTime, text, title } from './format.js';
import { headingOf } from './frame.js';
import { specOf } from './overview.js';
import { PanelsPage } from './page.js';
import { get } from './weir.js';

const STATUS_EVERY = 2_000, AUDIT_EVERY = 15_000; // ms
const TIERS = { memory: 'Memory', redis: 'Redis', postgres: 'PostgreSQL' };
const percent = (share) => share === null || share === undefined ? '–' : text(share, '%');
const count = (value) => value === null || value === undefined ? '–' : counted(value);

const state = (words, kind) => make('span', { class: `state ${kind}` }, make('i', { 'aria-hidden': 'true' }), words);
const facts = (pairs) => make('dl', { class: 'facts' }, ...pairs.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));

function table(caption, heads, rows) {
    return make('table', { class: 'summary' }, make('caption', { class: 'unseen' }, caption),
        make('thead', {}, make('tr', {}, ...heads.map((words) => make('th', { scope: 'col' }, words)))),
        make('tbody', {}, ...rows.map(([head, ...cells]) => make('tr', {}, make('th', { scope: 'row' }, head), ...cells.map((cell) => make('td', {}, cell))))));
}

export class OpsPage extends PanelsPage {
    #cards = new Map(); #timers = []; #stopped = new AbortController(); #isArranged = false;

    constructor(place, page) {
        super(place, page);
        page.title('Operations');
        place.classList.add('auto');
        for (const [id, name] of [['lag', 'Ingest and lag'], ['stores', 'Stores'], ['tiers', 'Who answers'], ['compaction', 'Compaction'], ['audit', 'The books, last 24 h'], ['series', 'Series by metric']]) {
            const body = make('div', { class: 'card-body' }, make('p', { class: 'muted' }, 'Loading …'));
            this.#cards.set(id, body);
            place.append(make('section', { class: 'panel card', 'aria-labelledby': `card-${id}`, 'data-card': id }, make('header', {}, make('h2', { id: `card-${id}` }, name)), body));
        }
        this.#repeat(() => this.#status(), STATUS_EVERY);
        this.#repeat(() => this.#audit(), AUDIT_EVERY);
    }

    arrange(metrics) {
        this.#series(metrics);
        const events = metrics.find(({ name }) => name === 'events');
        if (!events || this.#isArranged) return;
        this.#isArranged = true;
        this.setPanels([specOf(events, { heading: 'Events applied', by: [] })]);
        this.place.prepend(this.panels.get('events').element);
    }

    remove() {
        this.#stopped.abort();
        this.#timers.forEach(clearTimeout);
        super.remove();
    }

    #repeat(action, every) {
        const at = this.#timers.push(0) - 1;
        const once = async () => {
            if (!document.hidden) await action().catch(() => {});
            if (!this.#stopped.signal.aborted) this.#timers[at] = setTimeout(once, every);
        };
        once();
    }

    #fill(id, ...content) { this.#cards.get(id).replaceChildren(...content.filter(Boolean)); }

    async #ask(path, parameters, cards) {
        const { signal } = this.#stopped;
        try {
            return await this.page.ask(() => get(path, parameters, { signal }));
        } catch (error) {
            if (!signal.aborted) for (const id of cards) this.#fill(id, make('p', { class: 'problem' }, error.message));
            throw error;
        }
    }

    async #status() {
        const status = await this.#ask('/api/v1/status', {}, ['lag', 'stores', 'tiers', 'compaction']);
        const { now, stores, tiers, queries, partitions, compaction } = status, { cache } = queries, looks = cache?.hits + cache?.misses;
        const ago = (ms) => ms ? `${duration(Math.max(0, now - ms))} ago` : '–';
        const worst = Math.max(0, ...partitions.map(({ lag }) => lag.ms ?? 0));
        this.#fill('lag',
            state(!partitions.length ? 'unknown until Redis answers' : worst > 10_000 ? `${duration(worst)} behind` : 'up to date', !partitions.length || worst > 10_000 ? 'warn' : 'good'),
            table('Lag by partition', ['Partition', 'Waiting', 'Oldest waits', 'Newest event'], partitions.slice(0, 64).map((one) =>
                [String(one.partition), count(one.lag.entries), one.lag.ms === null ? '–' : duration(one.lag.ms), ago(one.newest)])));
        const store = (name, words) => {
            const { breaker, version } = stores[name];
            return [words, state(breaker.state, breaker.state === 'closed' ? 'good' : 'bad'), ago(breaker.since), String(breaker.openings), version ?? '–'];
        };
        const errors = Object.entries(stores).filter(([, one]) => one.breaker.last_error).map(([name, { breaker }]) =>
            make('p', { class: 'muted' }, `${TIERS[name]}, last failure ${ago(breaker.last_error_at)}: ${breaker.last_error}`));
        const { redis, postgres } = stores;
        const old = postgres.migration !== null && postgres.migration !== postgres.known_migration;
        this.#fill('stores', table('Stores', ['Store', 'Breaker', 'Since', 'Openings', 'Version'], [store('redis', 'Redis'), store('postgres', 'PostgreSQL')]),
            facts([['Functions in Redis', redis.functions ?? 'none'], ['Migration', old ? `${postgres.migration} of ${postgres.known_migration}: run weir migrate` : count(postgres.migration)], ['Weir', `${status.version}, up for ${duration(now - status.started_at)}`]]), ...errors);
        this.#fill('tiers',
            make('div', { class: 'figures' }, make('span', { class: 'figure' }, make('span', { class: 'caption' }, 'without PostgreSQL, last 5 min'), make('b', {}, percent(queries.recent.hit_rate)))),
            table('Tiers', ['Tier', 'State', 'Has', 'Answers', 'Share'], Object.entries(tiers).map(([name, one]) => [
                TIERS[name], state(one.state, one.state === 'current' ? 'good' : 'warn'),
                one.from ? `from ${ago(one.from)}` : one.to ? `to ${ago(one.to)}` : '–',
                count(one.answers), percent(queries.answered ? one.answers / queries.answered : null)])),
            facts([['Questions answered', `${count(queries.answered)}, ${percent(queries.hit_rate)} without PostgreSQL`],
                ['Kept of PostgreSQL', !cache ? 'nothing' : looks ? `found ${percent(cache.hits / looks)} of ${count(looks)} times` : 'not looked for yet']]));
        if (!compaction) this.#fill('compaction', state('no pass yet', 'warn'), make('p', { class: 'muted' }, 'Run weir compact, once a minute by cron or with --every 60s.'));
        else {
            const late = now - compaction.last_success > 15 * 60_000;
            this.#fill('compaction', state(late ? 'late' : 'on time', late ? 'warn' : 'good'), facts([
                ['Last pass', ago(compaction.last_success)], ['Took', duration(compaction.seconds * 1000)], ['Rows written', count(compaction.rows)],
                ['Compacted to', compaction.watermark ? `${fullTime(compaction.watermark)} (${ago(compaction.watermark)})` : '–']]));
        }
    }

    async #audit() {
        const audit = await this.#ask('/api/v1/audit', { from: '-24h' }, ['audit']);
        const sum = (name) => audit.hours.reduce((total, hour) => total + (hour[name] ?? 0), 0);
        const problems = audit.partitions.flatMap(({ partition, problems }) => problems.map((words) => make('p', { class: 'problem' }, `Partition ${partition}: ${words}`)));
        this.#fill('audit', state(audit.balanced ? 'balanced: every event is accounted for' : 'not balanced', audit.balanced ? 'good' : 'bad'),
            facts(['appended', 'applied', 'duplicate', 'late', 'refused', 'missing'].map((name) => [title(name), count(sum(name))])), ...problems,
            audit.degraded.length ? make('p', { class: 'muted' }, `Without ${audit.degraded.join(' and ')}.`) : null);
    }

    #series(metrics) {
        const known = metrics.filter(({ series }) => series !== undefined).sort((a, b) => b.series - a.series).slice(0, 12);
        const most = Math.max(1, ...known.map(({ series }) => series));
        this.#fill('series', known.length ? make('ol', { class: 'bars' }, ...known.map((metric) => {
            const bar = make('i', { class: 'bar' });
            bar.style.width = `${100 * metric.series / most}%`;
            return make('li', {}, bar, make('span', { class: 'name' }, make('a', { href: this.page.view.linkTo({ view: 'metric', metric: metric.name }) }, headingOf({ metric }))),
                make('b', {}, counted(metric.series)), make('small', {}, metric.by.join(', ')));
        })) : make('p', { class: 'muted' }, 'Series are not counted while the stores are away.'));
    }
}
