// The heaviest items of a metric of the kind `top`, as bars.
import { make } from './dom.js';
import { Frame, headingOf } from './frame.js';
import { count as counted } from './format.js';
import { bounds } from './ranges.js';
import { get } from './weir.js';

const LIVE_EVERY = 2_000; // ms between answers while the range is live: a top merges whole minutes, so it is asked for

export class TopPanel extends Frame {
    #stop = () => {}; #range;

    constructor(spec, page, options) {
        super(spec, page, options);
        this.element.classList.add('top');
        this.find('.plot').replaceChildren(make('ol', { class: 'bars', tabindex: 0 }), this.find('.hollow'));
    }

    remove() { this.#stop(); super.remove(); }
    restyle() {}
    tick() {}

    show(range) {
        this.#stop();
        this.#range = range;
        this.error = '';
        this.element.classList.add('waiting');
        this.hollow(this.state.points ? '' : 'Waiting for data …');
        const { metric, filter } = this.spec;
        Object.assign(this.state, { mode: range.live ? 'live' : 'history', by: [], agg: ['top'], metric: metric.name, range: range.id });
        const control = new AbortController();
        let timer;
        const once = async () => {
            try {
                if (!document.hidden || !this.state.points) await this.#ask(filter, control.signal);
            } catch (error) {
                if (control.signal.aborted) return;
                this.error = error.message;
                if (!this.state.points) this.hollow(error.message);
                this.page.changed(this);
            }
            timer = setTimeout(once, range.live ? LIVE_EVERY : range.refresh);
        };
        once();
        this.#stop = () => { control.abort(); clearTimeout(timer); };
    }

    async #ask(filter, signal) {
        const [from, to] = this.#range.from === undefined ? [`-${this.#range.id}`, 'now'] : bounds(this.#range, 0);
        const filters = Object.fromEntries(Object.entries(filter).map(([label, value]) => [`label.${label}`, value]));
        const answer = await get('/api/v1/top', { metric: this.spec.metric.name, from, to, k: this.large ? 50 : 10, ...filters }, { signal });
        this.error = '';
        this.table = { degraded: answer.degraded, tiers: answer.tiers, tookMs: answer.took_ms, asOf: answer.as_of };
        this.element.classList.remove('waiting');
        this.state.snapshots++;
        if (this.state.snapshots > 1) this.state.updates++;
        Object.assign(this.state, { points: answer.items.length, series: answer.items.length, newest: answer.as_of });
        this.#showItems(answer);
        this.showAnswered();
        this.page.changed(this);
    }

    #showItems({ items, total, exact }) {
        const heaviest = items[0]?.count ?? 1;
        this.hollow(items.length ? '' : `No events in ${this.#range.from === undefined ? `the last ${this.#range.label}` : this.#range.label}`);
        const rows = items.map(({ item, count }) => {
            const bar = make('i', { class: 'bar' });
            bar.style.width = `${100 * count / heaviest}%`;
            return make('li', {}, bar, make('span', { class: 'name', title: item }, item || '(empty)'),
                make('b', {}, counted(count)), make('small', {}, total ? `${(100 * count / total).toFixed(1)}%` : ''));
        });
        const list = this.find('.bars');
        list.setAttribute('aria-label', `${headingOf(this.spec)}, heaviest first`);
        list.replaceChildren(...rows);
        this.find('.figures').replaceChildren(make('span', { class: 'note' },
            `${counted(total ?? 0)} in all${exact === false ? ' · counts are near, for rare items were trimmed' : ''}`));
    }
}
