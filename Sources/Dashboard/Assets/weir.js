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
//
// Served by every front as /assets/weir.js; it needs /assets/series.js beside it. A page of another origin must be allowed
// by --allow-origin. Newest additions: the event `countdown`, types in JSDoc, tables that forget what has left their window.
import { SeriesTable } from './series.js';

export { SeriesTable };

/**
 * What to follow. `window`, `step` and `every` are lengths of time such as `5m`, `1s`, `100ms`; `label` filters by the
 * patterns of the query API: `{ endpoint: '/pay,/cart', service: '!test' }`.
 * @typedef {{ metric: string, agg: string[], by?: string[], label?: Record<string, string>, window: string, step: string,
 *   every: string, limit?: number }} Subscription
 */

/**
 * Where the connection stands; `retryAt`, in ms since 1970 on this machine's clock, while waiting.
 * @typedef {{ state: 'connecting' | 'live' | 'waiting' | 'offline', retryAt?: number }} ConnectionState
 */

/**
 * What has changed in a table: `oldest` is the start, in ms since 1970, of the oldest bucket that an update touched.
 * @typedef {{ kind: 'snapshot' } | { kind: 'update', oldest: number }} Change
 */

const FIRST_DELAY = 500, LONGEST_DELAY = 30_000; // ms, bounds of the reconnect delay
const PING_EVERY = 15_000, SILENCE = 40_000;     // ms; the server closes a peer silent for 45 s
const STABLE = 10_000;                           // ms a connection must last before the delays start small again
const TRIM_EVERY = 5_000;                        // ms between two looks at what has left a table's window
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** An answer other than 2xx; `detail` says what to do about it. */
export class WeirError extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

/**
 * Sends a request to the API, `options` being those of `fetch`; throws `WeirError`, with status 0 where no server answered.
 * @returns {Promise<Response>} a good answer
 */
export async function send(address, options = {}) {
    let response;
    try {
        response = await fetch(address, { ...options, headers: { Accept: 'application/json', ...options.headers } });
    } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new WeirError(0, 'The server does not answer.');
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new WeirError(response.status, problem.detail ?? `The server answered ${response.status}.`);
}

/** Fetches JSON from the API. */
export async function get(path, parameters = {}, { signal } = {}) {
    const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== ''));
    return (await send(search.size ? `${path}?${search}` : path, { signal })).json();
}

/** The metric definitions of this installation. */
export const metrics = async (options) => (await get('/api/v1/metrics', {}, options)).metrics;

/** One query; `agg` and `by` are lists, `label` an object of filters. */
export function query({ metric, agg = [], by = [], label = {}, from, to = 'now', step = 'auto', limit = '' }, options) {
    const filters = Object.entries(label).map(([name, value]) => [`label.${name}`, value]);
    const parameters = { metric, agg: agg.join(), by: by.join(), from, to, step, limit };
    return get('/api/v1/query', { ...parameters, ...Object.fromEntries(filters) }, options);
}

/** @returns {number} ms in a length of time such as `5m`; 0 where it is none. */
export function milliseconds(text) {
    const parts = /^([0-9]+)(ms|s|m|h|d)$/.exec(text ?? '');
    return parts ? Number(parts[1]) * UNITS[parts[2]] : 0;
}

/** The id of a subscription says its parameters, so that the server shares the work of equal ones between pages. */
export function subscriptionID({ metric, agg, by = [], label = {}, window, step, every }) {
    const filters = Object.keys(label).sort().map((name) => `${name}=${label[name]}`);
    return [metric, agg.join(), by.join(), filters.join('&'), window, step, every].join('|');
}

/**
 * How long to wait before attempt number `attempt` (from 0): anything up to a bound that doubles ("full jitter").
 * @returns {number} ms
 */
export function reconnectDelay(attempt, random = Math.random) {
    return random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempt, 16));
}

/**
 * One WebSocket to `/api/v1/live` that reconnects for ever, and the subscriptions on it.
 *
 * Events, each with its `detail`: `state` with a `ConnectionState`; `countdown` with `{ seconds }`, at once and each second
 * while it waits ("reconnecting in n s"); `status` with `{ degraded }`, the stores that are missing; `problem` with
 * `{ id, detail }`, a subscription that the server refused and why.
 */
export class WeirLive extends EventTarget {
    #url; #socket; #attempt = 0; #openedAt = 0; #heardAt = 0; #retry; #watch; #countdown;
    #subscriptions = new Map();
    #clockOffset = 0;

    /** What the last `state` event said. @type {ConnectionState} */
    state = { state: 'offline' };
    /** Messages received since the page was opened. */
    received = 0;

    /** @param {string | URL} url the front's address of live updates; by default that of the page. */
    constructor(url = new URL('/api/v1/live', location.href)) {
        super();
        this.#url = new URL(url);
        this.#url.protocol = this.#url.protocol === 'https:' || this.#url.protocol === 'wss:' ? 'wss:' : 'ws:';
    }

    /** Connects, and stays connected until `close()`. */
    open() {
        // Outside of browsers nobody tells of the network.
        globalThis.addEventListener?.('online', this.#comeBack);
        globalThis.addEventListener?.('offline', this.#goOffline);
        this.#watch = setInterval(() => this.#checkPulse(), PING_EVERY);
        this.#connect();
    }

    /** Ends the connection, until `open()`; the subscriptions stay. */
    close() {
        globalThis.removeEventListener?.('online', this.#comeBack);
        globalThis.removeEventListener?.('offline', this.#goOffline);
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
     * Equal subscriptions share one table. What has left the window is forgotten by itself.
     *
     * @param {Subscription} parameters
     * @param {(table: SeriesTable, change: Change) => void} handler
     * @returns {() => void} ends this subscription
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

    /** Says how long it is to `retryAt`, in whole seconds, until it is over. */
    #countDown(retryAt) {
        const tell = () => {
            const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
            this.dispatchEvent(new CustomEvent('countdown', { detail: { seconds } }));
        };
        tell();
        this.#countdown = setInterval(tell, 1000);
    }

    #connect() {
        clearTimeout(this.#retry);
        clearInterval(this.#countdown);
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
        const retryAt = Date.now() + delay;
        this.#retry = setTimeout(() => this.#connect(), delay);
        this.#change({ state: 'waiting', retryAt });
        // A listener may have closed this, or gone on at once.
        if (this.state.retryAt === retryAt) this.#countDown(retryAt);
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

    #tell(subscription, change) {
        const { handlers, table, parameters } = subscription;
        const length = milliseconds(parameters.window), now = this.now();
        if (length && !(now - subscription.trimmedAt < TRIM_EVERY)) {
            subscription.trimmedAt = now;
            table.trim(now - length - 2 * table.step);
        }
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
        clearInterval(this.#countdown);
        const socket = this.#socket;
        this.#socket = undefined;
        socket?.close();
        this.#change({ state: 'offline' });
    };
}
