// One metric, large: its aggregations, its grouping, filters by its labels, and how to ask for the same by the API.
import { chips, copyable, dropdown, icon, make, select } from './dom.js';
import { title } from './format.js';
import { groupings, offeredBy, specOf, together } from './overview.js';
import { PanelsPage } from './page.js';
import { get } from './weir.js';

const FEW = 12; // values of a label that need no search
const escaped = (value) => value.replaceAll(/[\\,*!]/g, '\\$&');

/** The values that a filter names, and whether it leaves them out. */
export function readFilter(text = '') {
    const values = [];
    let value = '', not = false, begun = false;
    for (let i = 0; i < text.length; i++) {
        if (text[i] === '\\' && i + 1 < text.length) { value += text[++i]; begun = true; }
        else if (text[i] === ',') { values.push(value); value = ''; begun = false; }
        else if (text[i] === '!' && !begun) { not = true; begun = true; }
        else { value += text[i]; begun = true; }
    }
    if (text) values.push(value);
    return { values, not };
}

/** The same as text. */
export const writeFilter = (values, not) => values.map((value) => (not ? '!' : '') + escaped(value)).join();

export class MetricPage extends PanelsPage {
    #metric; #tools = make('div', { class: 'choices' }); #panelPlace = make('div', { class: 'one' }); #foot = make('div', { class: 'foot' }); #shown = '';

    constructor(place, page) {
        super(place, page);
        place.classList.replace('grid', 'single');
        place.append(this.#tools, this.#panelPlace, this.#foot);
        page.title(title(page.view.get('metric') ?? 'Metric'));
    }

    arrange(metrics) {
        const name = this.page.view.get('metric');
        const metric = metrics.find((one) => one.name === name);
        if (!metric) return this.say('No such metric', make('p', {}, `There is no metric "${name}" here. These are: ${metrics.map((one) => one.name).join(', ')}.`));
        this.#metric = metric;
        this.viewChanged();
    }

    viewChanged() {
        if (!this.#metric) return;
        const { view } = this.page;
        const key = JSON.stringify([view.get('by'), view.get('agg'), view.filter, this.#metric.by, this.#metric.aggregations]);
        if (key === this.#shown) return;
        this.#shown = key;
        const metric = this.#metric;
        const by = view.get('by') === null ? undefined : view.list('by').filter((label) => metric.by.includes(label));
        const spec = specOf(metric, { id: metric.name, by, agg: view.list('agg'), filter: view.filter });
        this.#showTools(spec);
        this.setPanels([spec], this.#panelPlace, { large: true, pick: (labels) => view.go(Object.fromEntries(spec.by.filter((label) => labels[label] !== undefined).map((label) => [`f.${label}`, escaped(labels[label])]))) });
        this.#showFoot(spec);
    }

    #showTools(spec) {
        const { view } = this.page;
        const metric = this.#metric;
        const parts = [];
        if (spec.type !== 'top') {
            parts.push(chips('Aggregations', offeredBy(metric, spec.shown), spec.shown, {
                onchange: ({ target: { value, checked } }) => {
                    // Those with an axis of their own stand alone; the last one stays.
                    const others = together(value) ? spec.shown.filter(together) : [];
                    const next = checked ? [...others, value] : spec.shown.filter((one) => one !== value);
                    view.go({ agg: (next.length ? next : [value]).join() });
                },
            }));
            if (metric.by.length) {
                parts.push(select(groupings(metric.by).map((by) => [by.length ? `by ${by.join(' + ')}` : 'all together', by.join() || 'none']),
                    spec.by.join() || 'none', { 'aria-label': 'Grouping', onchange: ({ target }) => view.go({ by: target.value }) }));
            }
        }
        parts.push(...metric.by.map((label) => this.#filterFor(label, readFilter(spec.filter[label]))));
        if (Object.keys(spec.filter).length) {
            parts.push(make('button', { type: 'button', class: 'quiet wide', onclick: () => view.go(Object.fromEntries(Object.keys(spec.filter).map((label) => [`f.${label}`, null]))) }, icon('close'), 'Clear filters'));
        }
        // Whoever just used one of these keeps his place.
        const at = [...this.#tools.querySelectorAll('input, select, button')].indexOf(document.activeElement);
        this.#tools.replaceChildren(...parts);
        if (at >= 0) this.#tools.querySelectorAll('input, select, button')[at]?.focus();
    }

    /** A list of a label's values, as the API has them, to keep or to leave out. */
    #filterFor(label, { values, not }) {
        const { view } = this.page;
        const words = values.length ? `${label} ${not ? '≠' : '='} ${values.length > 2 ? `${values.length} values` : values.join(', ')}` : label;
        return dropdown(`Filter by ${label}`, make('span', {}, words, icon('down')), async (surface, close) => {
            const waiting = make('p', { class: 'muted' }, 'Loading values …');
            surface.append(waiting);
            let known;
            try {
                known = (await this.page.ask(() => get(`/api/v1/labels/${encodeURIComponent(label)}/values`, { metric: this.#metric.name }))).values;
            } catch (error) {
                waiting.textContent = error.message;
                return;
            }
            const all = [...new Set([...values, ...known])];
            const mode = select([['is one of', ''], ['is none of', '!']], not ? '!' : '', { 'aria-label': 'Keep or leave out' });
            const list = make('div', { class: 'checks' }, ...all.map((value) => make('label', {}, make('input', { type: 'checkbox', value, checked: values.includes(value) }), value || '(empty)')));
            const search = make('input', { type: 'search', placeholder: 'Search', 'aria-label': `Search ${label}`, oninput: () => {
                for (const row of list.children) row.hidden = !row.textContent.toLowerCase().includes(search.value.toLowerCase());
            } });
            waiting.replaceWith(make('form', { onsubmit: (event) => {
                event.preventDefault();
                close();
                view.go({ [`f.${label}`]: writeFilter([...list.querySelectorAll(':checked')].map((input) => input.value), mode.value) });
            } }, mode, all.length > FEW && search, list, make('button', { class: 'primary' }, 'Apply')));
            mode.focus();
        }, { class: values.length ? 'quiet wide chosen' : 'quiet wide' });
    }

    #showFoot(spec) {
        const { kind, unit, by, series, value, match, where } = this.#metric;
        const facts = [['Kind', kind], ['Unit', unit], ['Value', value], ['Match', match], ['Where', where], ['Labels', by.join(', ')], ['Series', series]];
        const filters = Object.entries(spec.filter).map(([label, text]) => [`label.${label}`, text]);
        const asked = new URLSearchParams([['metric', spec.metric.name], ...(spec.type === 'top' ? [] : [['agg', spec.shown.join()], ['by', spec.by.join()]]), ...filters, ['from', '-1h']].filter(([, text]) => text));
        this.#foot.replaceChildren(
            make('dl', {}, ...facts.filter(([, text]) => text !== undefined && text !== '').flatMap(([name, text]) => [make('dt', {}, name), make('dd', {}, String(text))])),
            make('details', {}, make('summary', {}, 'Ask for this by the API'), copyable(`curl '${location.origin}/api/v1/${spec.type === 'top' ? 'top' : 'query'}?${asked.toString().replaceAll('%2C', ',').replaceAll('%2F', '/')}'`)));
    }
}
