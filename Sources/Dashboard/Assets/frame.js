// What every panel has around what it shows: a heading that leads to the metric, its choices, and a menu.
import { dropdown, fillMenu, fromTemplate, icon, make, select } from './dom.js';
import { title } from './format.js';

/** The name of a panel for people. */
export const headingOf = ({ heading, metric }) => heading || title(metric.name);

/** The common part of panels; `LinePanel` and `TopPanel` fill it. */
export class Frame {
    /** What the browser tests and a curious reader of the console look at. */
    state = { updates: 0, snapshots: 0, series: 0, points: 0, newest: 0, mode: '' };
    table; error = '';

    /**
     * @param spec of `specOf`
     * @param page what all panels share: `{ live, queue, crosshair, colours, view, choose(panel), changed(panel), zoom(from, to) }`
     * @param actions further entries of the panel's menu, `[words, action]`
     */
    constructor(spec, page, { large = false, actions = () => [] } = {}) {
        this.spec = spec;
        this.page = page;
        this.large = large;
        this.element = fromTemplate('panel');
        const heading = this.find('h2');
        heading.id = `panel-${spec.id}`;
        this.element.setAttribute('aria-labelledby', heading.id);
        this.element.dataset.panel = spec.id;
        this.element.classList.toggle('large', large);
        this.find('.controls').append(dropdown(`More about ${headingOf(spec)}`, icon('more'), (surface, close) =>
            fillMenu(surface, close, [...this.entries(), ...actions(this)]), { class: 'quiet more-button' }));
        this.showTitle();
    }

    get id() { return this.spec.id; }
    get choice() { return { by: this.spec.by, shown: this.spec.shown }; }
    find(selector) { return this.element.querySelector(selector); }

    /** The address at which this is shown large. */
    get link() {
        const { metric, by, shown, filter } = this.spec;
        const filters = Object.fromEntries(Object.entries(filter).map(([label, value]) => [`f.${label}`, value]));
        return this.page.view.linkTo({ view: 'metric', metric: metric.name, by: by.join() || 'none', agg: shown.join(), ...filters });
    }

    /** Gives what it shows the keyboard. */
    focus() { this.find(this.asTable ? '.points' : '.canvas, .bars').focus(); }

    entries() {
        return [
            ...(this.large ? [] : [['Open large', () => { location.hash = this.link; }]]),
            ['Full screen', () => this.fullScreen()],
            [this.find('.answered').hidden ? 'How it was answered' : 'Hide how it was answered', () => this.toggleAnswered()],
        ];
    }

    fullScreen() {
        if (document.fullscreenElement) document.exitFullscreen();
        else this.element.requestFullscreen?.().catch(() => {});
    }

    toggleAnswered() {
        const place = this.find('.answered');
        place.hidden = !place.hidden;
        this.showAnswered();
    }

    showAnswered() {
        const place = this.find('.answered');
        if (place.hidden) return;
        const { table } = this;
        place.textContent = !table ? 'Not answered yet.' : [
            `from ${(table.tiers ?? []).join(' + ') || 'no tier'}`, `in ${table.tookMs} ms`,
            table.step ? `a point every ${table.step / 1000} s` : '', `${this.state.snapshots} answers, ${this.state.updates} updates since`,
            table.degraded?.length ? `without ${table.degraded.join(' and ')}` : '',
        ].filter(Boolean).join(' · ');
    }

    showTitle() {
        const { metric, by, shown, choices, filter } = this.spec;
        const heading = this.find('h2');
        const filters = Object.entries(filter).map(([label, value]) => `${label} ${value.startsWith('!') ? 'not ' + value.slice(1) : value}`);
        heading.replaceChildren(
            this.large ? headingOf(this.spec) : make('a', { href: this.link }, headingOf(this.spec)),
            make('small', {}, [choices || this.spec.type === 'top' ? '' : shown.join(' '), ...filters].filter(Boolean).join(' · ')));
        heading.title = `${metric.name}: ${shown.join(', ')}${by.length ? ` by ${by.join(' and ')}` : ''}`;
    }

    /** A select in the panel's head; `options` are `[words, value]`. */
    addSelect(label, options, current, apply) {
        this.find('.more-button').closest('.dropdown').before(select(options.map(([words, value]) => [words, JSON.stringify(value)]),
            JSON.stringify(current), { 'aria-label': label, onchange: ({ target }) => apply(JSON.parse(target.value)) }));
    }

    /** Says in the middle of the panel why there is nothing to see; with no words it goes away. */
    hollow(words) {
        const place = this.find('.hollow');
        place.hidden = !words;
        if (place.textContent !== words) place.textContent = words;
    }

    remove() { this.element.remove(); }
}
