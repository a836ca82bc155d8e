// The view is what the address says after its #: whoever opens the same address sees the same.
//
//     #range=15m&p.request_count=endpoint/rate          the overview; p.<panel> is grouping/aggregations
//     #view=metric&metric=response_time&by=service&agg=p50,p99&f.endpoint=/pay&from=…&to=…
//     #view=board&board=checkout                        a saved board; /?board=checkout leads there, too
//     #view=ops   zone=utc   table=<panels shown as tables>

/** Fires `change` when another view is to be shown, by ourselves or by the browser's back and forward. */
export class View extends EventTarget {
    #values = new Map();

    constructor() {
        super();
        const { search, hash } = location;
        const asked = new URLSearchParams(search);
        if (asked.has('board')) {
            const board = encodeURIComponent(asked.get('board'));
            asked.delete('board');
            history.replaceState(null, '', `?${asked}${hash || `#view=board&board=${board}`}`);
        }
        this.#read();
        addEventListener('popstate', () => { this.#read(); this.dispatchEvent(new Event('change')); });
    }

    get(name) { return this.#values.get(name) ?? null; }

    list(name) { return (this.get(name) ?? '').split(',').filter(Boolean); }

    /** Filters by label, as the API writes them. */
    get filter() {
        return Object.fromEntries([...this.#values].filter(([name]) => name.startsWith('f.')).map(([name, value]) => [name.slice(2), value]));
    }

    /** Shows something else: a step that "back" takes back, unless `replace`. Values that are null are left away. */
    go(changes, { replace = false } = {}) {
        for (const [name, value] of Object.entries(changes)) {
            if (value === null || value === '') this.#values.delete(name);
            else this.#values.set(name, String(value));
        }
        const address = this.#text();
        if (address === location.hash || (address === '#' && !location.hash)) return;
        history[replace ? 'replaceState' : 'pushState'](null, '', address);
        this.dispatchEvent(new Event('change'));
    }

    /** The address of a page, keeping only the time that is shown. */
    linkTo(values) {
        const kept = ['range', 'from', 'to', 'zone'].filter((name) => this.#values.has(name)).map((name) => [name, this.get(name)]);
        return this.#text(new Map([...kept, ...Object.entries(values)]));
    }

    #text(values = this.#values) {
        const search = new URLSearchParams([...values]).toString();
        return `#${search.replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
    }

    #read() { this.#values = new Map(new URLSearchParams(location.hash.slice(1))); }
}
