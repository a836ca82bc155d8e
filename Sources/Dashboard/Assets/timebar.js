// The bar in which the time that is shown is chosen: live, past, a range of one's own, and steps to the side and back.
import { dropdown, field, iconButton, make, select } from './dom.js';
import { isUTC } from './format.js';
import { absolute, addressOf, bounds, fromInput, offered, rangeOf, relative, shortest, standard, toInput } from './ranges.js';

/** Moves and widens the range that the view names. */
export class TimeBar {
    #view; #now; #place;

    /** @param now the server's clock, ms since 1970 */
    constructor(place, view, now) {
        this.#place = place;
        this.#view = view;
        this.#now = now;
    }

    get range() { return rangeOf(this.#view); }

    /** Shows what lies between two moments; an end in the future is now. */
    zoom = (from, to) => {
        const end = Math.min(to, Math.ceil(this.#now()));
        const next = absolute(Math.round(Math.max(0, Math.min(from, end - shortest))), Math.round(end));
        if (next) this.#view.go(addressOf(next));
    };

    /** Moves by so many windows: -0.5 is half a window back. */
    pan(windows) {
        const [from, to] = bounds(this.range, this.#now());
        const by = Math.min(windows * (to - from), this.#now() - to);
        if (by) this.zoom(from + by, to + by);
    }

    /** Makes the window so many times as long, about its middle. */
    widen(times) {
        const [from, to] = bounds(this.range, this.#now());
        const grow = (times - 1) * (to - from) / 2;
        this.zoom(from - grow, Math.min(this.#now(), to + grow));
    }

    goLive() { this.choose(this.range.live ? this.range.id : standard); }

    choose(id) { this.#view.go(addressOf(relative(id))); }

    /** Puts the controls there, as the view is now. */
    show() {
        const { range } = this;
        if (this.#place.childElementCount) return this.#mark(range);
        const group = make('fieldset', { class: 'segments', id: 'ranges' }, make('legend', { class: 'unseen' }, 'Time range'));
        for (const id of offered) {
            const { label, live } = relative(id);
            const input = make('input', { type: 'radio', name: 'range', value: id, onchange: () => this.choose(id) });
            group.append(make('label', {
                class: live ? 'live' : 'past', title: live ? `Live, the last ${label}` : `The last ${label}, refreshed`,
            }, input, label));
        }
        const own = dropdown('Another range', make('span', { class: 'own' }, 'Custom'), (surface, close) => this.#form(surface, close), { class: 'quiet wide' });
        this.#place.replaceChildren(
            group, own,
            make('span', { class: 'steps' },
                iconButton('left', 'Earlier ( [ )', () => this.pan(-0.5)), iconButton('right', 'Later ( ] )', () => this.pan(0.5)),
                iconButton('minus', 'Zoom out ( - )', () => this.widen(2))));
        this.#mark(range);
    }

    #mark(range) {
        let found = false;
        for (const input of this.#place.querySelectorAll('input[name=range]')) {
            input.checked = input.value === range.id;
            found ||= input.checked;
        }
        const own = this.#place.querySelector('.own');
        own.textContent = found ? 'Custom' : range.from === undefined ? `Last ${range.label}` : range.label;
        own.closest('button').classList.toggle('chosen', !found);
    }

    #form(surface, close) {
        const { range } = this;
        const [from, to] = bounds(range, this.#now());
        const moment = (label, name, value) => field(label, make('input', { type: 'datetime-local', step: 1, name, value: toInput(value), required: true }));
        const count = make('input', { type: 'number', name: 'count', min: 1, max: 9999, value: 45, 'aria-label': 'How many' });
        const unit = select([['minutes', 'm'], ['hours', 'h'], ['days', 'd']], 'm', { 'aria-label': 'Unit', name: 'unit' });
        const problem = make('p', { class: 'problem', role: 'alert' });
        const form = (words, act, ...content) => make('form', { onsubmit: (event) => { event.preventDefault(); act(); } },
            make('h3', {}, words), ...content, make('button', { class: 'primary' }, 'Show'));
        const last = () => {
            const next = relative(`${count.value}${unit.value}`);
            if (!next) { problem.textContent = 'Give at least 10 seconds and at most ten years.'; return; }
            close();
            this.#view.go(addressOf(next));
        };
        const between = () => {
            const [start, end] = ['from', 'to'].map((name) => fromInput(surface.querySelector(`[name=${name}]`).value));
            if (!(end > start)) { problem.textContent = 'The end must lie after the beginning.'; return; }
            const next = absolute(start, end);
            if (!next) { problem.textContent = 'Give at least 10 seconds.'; return; }
            close();
            this.#view.go(addressOf(next));
        };
        surface.append(
            form('The last', last, make('div', { class: 'row' }, count, unit)),
            form(`From and to${isUTC() ? ' (UTC)' : ''}`, between, moment('From', 'from', from), moment('To', 'to', to)), problem);
    }
}
