// The browser client of Weir's API: queries, and live series that stay right across lost connections.
//
//     import { WeirLive } from './weir.js';
//     const live = new WeirLive();
//     live.addEventListener('state', (event) => console.log(event.detail));
//     const stop = live.subscribe(
//         { metric: 'request_count', agg: ['rate'], by: ['service'], window: '5m', step: '1s', every: '100ms' },
//         (table, change) => draw(table));
//     live.open();
//
// No dependencies, no build step. Every update carries the full new value of each changed bucket, so a lost, repeated
// or late message can never make the picture wrong, and the snapshot after a reconnect closes the gap.
import { SeriesTable } from './series.js';

const FIRST_DELAY = 500, LONGEST_DELAY = 30_000; // ms, bounds of the reconnect delay
const PING_EVERY = 15_000, SILENCE = 40_000;     // ms; the server closes a peer silent for 45 s
const STABLE = 10_000;                           // ms a connection must last before the delays start small again

/** An answer other than 2xx; `detail` says what to do about it. */
export class WeirError extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/** Fetches JSON from the API; throws `WeirError`, with status 0 where no server answered. */
export async function get(path, parameters = {}, { signal } = {}) {
    const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ''));
    const address = search.size ? `${path}?${search}` : path;
    let response;
    try {
        response = await fetch(address, { signal, headers: { Accept: 'application/json' } });
    } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new WeirError(0, 'The server does not answer.');
    }
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    throw new WeirError(response.status, problem.detail ?? `The server answered ${response.status}.`);
}

/** The metric definitions of this installation. */
export const metrics = async (options) => (await get('/api/v1/metrics', {}, options)).metrics;

/** One query; `agg` and `by` are lists, `label` an object of filters. */
export function query({ metric, agg = [], by = [], label = {}, from, to = 'now', step = 'auto', limit = '' }, options) {
    const filters = Object.entries(label).map(([name, value]) => [`label.${name}`, value]);
    const parameters = { metric, agg: agg.join(), by: by.join(), from, to, step, limit };
    return get('/api/v1/query', { ...parameters, ...Object.fromEntries(filters) }, options);
}

/** The id of a subscription says its parameters, so that the server shares the work of equal ones between pages. */
export function subscriptionID({ metric, agg, by = [], label = {}, window, step, every }) {
    const filters = Object.keys(label).sort().map((name) => `${name}=${label[name]}`);
    return [metric, agg.join(), by.join(), filters.join('&'), window, step, every].join('|');
}

/** How long to wait before attempt number `attempt` (from 0): anything up to a bound that doubles ("full jitter"). */
export function reconnectDelay(attempt, random = Math.random) {
    return random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16));
}

/**
 * One WebSocket to `/api/v1/live` that reconnects for ever, and the subscriptions on it.
 *
 * Events: `state` with `{ state: 'connecting' | 'live' | 'waiting' | 'offline', retryAt }` (`retryAt` in ms since 1970,
 * while waiting), `status` with `{ degraded }`, `problem` with `{ id, detail }`.
 */
export class WeirLive extends EventTarget {
    #url; #socket; #attempt = 0; #openedAt = 0; #heardAt = 0; #retry; #watch;
    #subscriptions = new Map();
    #clockOffset = 0;

    /** What the last `state` event said. */
    state = { state: 'offline' };
    /** Messages received since the page was opened. */
    received = 0;

    constructor(url = new URL('/api/v1/live', location.href)) {
        super();
        this.#url = new URL(url);
        this.#url.protocol = this.#url.protocol === 'https:' || this.#url.protocol === 'wss:' ? 'wss:' : 'ws:';
    }

    /** Connects, and stays connected until `close()`. */
    open() {
        addEventListener('online', this.#comeBack);
        addEventListener('offline', this.#goOffline);
        this.#watch = setInterval(() => this.#checkPulse(), PING_EVERY);
        this.#connect();
    }

    close() {
        removeEventListener('online', this.#comeBack);
        removeEventListener('offline', this.#goOffline);
        clearInterval(this.#watch);
        this.#goOffline();
    }

    /** When the server was last heard, on its clock: what happened since is not known. */
    get heardAt() { return this.state.state === 'live' ? this.now() : this.#heardAt + this.#clockOffset; }

    /** The server's clock, in ms since 1970: buckets are labelled by it, not by this machine's. */
    now() { return Date.now() + this.#clockOffset; }

    /**
     * Keeps a table in step with the server and calls `handler(table, change)` after each change; `change` has `kind`
     * ('snapshot' or 'update') and `oldest`, the start of the oldest bucket that changed.
     * Equal subscriptions share one table. Returns the function that ends this one.
     */
    subscribe(parameters, handler) {
        const id = subscriptionID(parameters);
        let subscription = this.#subscriptions.get(id);
        if (!subscription) {
            subscription = { parameters, table: new SeriesTable(parameters.agg, parameters.by), handlers: new Set(), whole: false };
            this.#subscriptions.set(id, subscription);
            this.#send({ type: 'subscribe', id, ...parameters });
        } else if (subscription.whole) {
            queueMicrotask(() => subscription.handlers.has(handler) && handler(subscription.table, { kind: 'snapshot' }));
        }
        subscription.handlers.add(handler);
        return () => {
            subscription.handlers.delete(handler);
            if (subscription.handlers.size || this.#subscriptions.get(id) !== subscription) return;
            this.#subscriptions.delete(id);
            this.#send({ type: 'unsubscribe', id });
        };
    }

    #send(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
    }

    #change(state) {
        this.state = state;
        this.dispatchEvent(new CustomEvent('state', { detail: state }));
    }

    #connect() {
        clearTimeout(this.#retry);
        this.#change({ state: 'connecting' });
        const socket = this.#socket = new WebSocket(this.#url, 'weir.v1');
        // A socket that was given up may still report: only the present one is listened to.
        const present = (action) => (event) => { if (socket === this.#socket) action(event); };
        socket.onopen = present(() => this.#opened());
        socket.onmessage = present((event) => this.#receive(JSON.parse(event.data)));
        socket.onclose = present(() => this.#closed());
    }

    #opened() {
        this.#openedAt = this.#heardAt = Date.now();
        for (const [id, { parameters }] of this.#subscriptions) this.#send({ type: 'subscribe', id, ...parameters });
        this.#change({ state: 'live' });
    }

    #closed() {
        this.#socket = undefined;
        if (this.#openedAt && Date.now() - this.#openedAt > STABLE) this.#attempt = 0;
        this.#openedAt = 0;
        const delay = reconnectDelay(this.#attempt++);
        this.#retry = setTimeout(() => this.#connect(), delay);
        this.#change({ state: 'waiting', retryAt: Date.now() + delay });
    }

    #receive(message) {
        this.#heardAt = Date.now();
        this.received++;
        const subscription = this.#subscriptions.get(message.id);
        switch (message.type) {
        case 'hello':
            this.#clockOffset = message.server_time - Date.now();
            break;
        case 'snapshot':
            if (!subscription) return;
            subscription.table.load(message, this.now());
            subscription.whole = true;
            this.#tell(subscription, { kind: 'snapshot' });
            break;
        case 'update':
            if (!subscription?.whole) return;
            this.#tell(subscription, { kind: 'update', oldest: subscription.table.merge(message, this.now()) });
            break;
        case 'status':
        case 'error':
            this.dispatchEvent(new CustomEvent(message.type === 'error' ? 'problem' : 'status', { detail: message }));
        }
    }

    #tell({ handlers, table }, change) {
        for (const handler of handlers) handler(table, change);
    }

    /** A connection can die without a word (a laptop asleep, a cable pulled): who hears nothing for long starts anew. */
    #checkPulse() {
        if (this.#socket?.readyState !== WebSocket.OPEN) return;
        if (Date.now() - this.#heardAt < SILENCE) return this.#send({ type: 'ping' });
        const socket = this.#socket;
        this.#closed();
        socket.close();
    }

    #comeBack = () => { if (!this.#socket) this.#connect(); };

    #goOffline = () => {
        clearTimeout(this.#retry);
        const socket = this.#socket;
        this.#socket = undefined;
        socket?.close();
        this.#change({ state: 'offline' });
    };
}
