// A page of panels, and the first of them: the overview.
import { copyable, make } from './dom.js';
import { firstEvent, panelsOf } from './overview.js';
import { LinePanel } from './panel.js';
import { rangeOf } from './ranges.js';
import { TopPanel } from './top.js';

/** The panel that shows `spec`. */
export const panelFor = (spec, page, options) => new (spec.type === 'top' ? TopPanel : LinePanel)(spec, page, options);

/** What pages have in common: the panels they show, by their ids. */
export class PanelsPage {
    panels = new Map();

    constructor(place, page) {
        this.place = place;
        this.page = page;
        place.classList.add('grid');
    }

    /** Shows these panels in place of the present ones. */
    setPanels(specs, place = this.place, options = {}) {
        this.clear();
        for (const spec of specs.map((one) => this.#chosen(one))) {
            const panel = panelFor(spec, this.page, options);
            panel.element.dataset.size = spec.size;
            this.panels.set(spec.id, panel);
            place.append(panel.element);
            panel.show(rangeOf(this.page.view));
        }
        // For a wall display, which shows all of them at once: four rows at most, as wide as that makes them.
        const cells = specs.reduce((sum, { size }) => sum + ({ wide: 2, full: 3 }[size] ?? 1), 0);
        const columns = Math.max(3, Math.ceil(cells / 4));
        this.place.style.setProperty('--columns', columns);
        this.place.style.setProperty('--rows', Math.ceil(cells / columns));
        this.place.classList.toggle('dense', columns > 3);
    }

    /** With the choices that the address holds for it. */
    #chosen(spec) {
        const text = this.page.view.get(`p.${spec.id}`);
        if (text === null) return spec;
        const [by, shown] = text.split('/').map((part) => part.split(',').filter(Boolean));
        const known = by.every((label) => spec.metric.by.includes(label));
        const choice = spec.choices?.find((one) => one.join() === shown?.join());
        return { ...spec, by: known ? by : spec.by, shown: choice ?? spec.shown };
    }

    show(range) { for (const panel of this.panels.values()) panel.show(range); }

    clear() {
        for (const panel of this.panels.values()) panel.remove();
        this.panels.clear();
    }

    remove() {
        this.clear();
        this.place.replaceChildren();
    }

    /** Says what to do next where there is nothing to show. */
    say(heading, ...content) {
        this.place.querySelector('.empty')?.remove();
        if (heading) this.place.append(make('section', { class: 'empty' }, make('h2', {}, heading), ...content));
    }
}

/** Arranges itself from the metrics. */
export class OverviewPage extends PanelsPage {
    #definitions = '';

    constructor(place, page) {
        super(place, page);
        page.title('Overview');
    }

    arrange(metrics) {
        // `series` is left away where the server does not count them: then every metric is taken to have some.
        const filled = metrics.filter((metric) => metric.series !== 0);
        const arranged = JSON.stringify(filled.map(({ series, ...definition }) => definition));
        if (arranged === this.#definitions) return;
        this.#definitions = arranged;
        if (filled.length) this.say();
        else {
            this.say('No events yet', make('p', {}, 'Send one, and the charts appear here within a second:'),
                copyable(firstEvent(location.origin)),
                make('p', { class: 'muted' }, 'Whole log files go in with ', make('code', {}, 'weir send'), ', a stream of examples with ', make('code', {}, 'weir generate'), '.'));
        }
        this.setPanels(panelsOf(filled));
    }
}
