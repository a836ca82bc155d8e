// What the reader should know: the connection, how fresh the data are, which store is missing.
import { make } from './dom.js';
import { duration, fullTime, time } from './format.js';

const lights = { connecting: 'Connecting', live: 'Live', offline: 'Offline', waiting: 'Reconnecting' };
const losses = {
    postgres: 'PostgreSQL is out of reach: history older than about an hour may be missing. Live data go on.',
    redis: 'Redis is out of reach: recent data may be missing, and charts may stand still. It is tried again all the time.',
};

export class Health {
    liveDegraded = [];
    #live; #notices = new Map(); #newest = 0;

    constructor(live) { this.#live = live; }

    /** One notice a key: set, changed, or with no text taken away. */
    notify(key, text, kind = 'warning') {
        const present = this.#notices.get(key);
        if ((present?.textContent ?? '') === text) return;
        present?.remove();
        this.#notices.delete(key);
        if (!text) return;
        const notice = make('p', { class: `notice ${kind}` }, text);
        this.#notices.set(key, notice);
        document.getElementById('notices').append(notice);
    }

    /** Names the stores that `answered` went without; while live, what the server says of them counts. */
    degraded(answered, isLive) {
        const stores = new Set([...answered, ...(isLive ? this.liveDegraded : [])]);
        for (const [store, words] of Object.entries(losses)) this.notify(store, stores.has(store) ? words : '');
    }

    /** When the newest event that is shown happened. */
    fresh(newest) { this.#newest = newest; }

    /** Shows the light and the clock. */
    tick() {
        const { state, retryAt } = this.#live.state;
        document.body.dataset.connection = state;
        const [light, wait] = document.querySelectorAll('#connection b, #connection span');
        if (light.textContent !== lights[state]) light.textContent = lights[state];
        // Seconds that count down are for the eye: a screen reader would speak each of them.
        wait.textContent = state === 'waiting' ? `in ${Math.max(1, Math.ceil((retryAt - Date.now()) / 1000))} s` : '';
        const asOf = document.getElementById('as-of');
        if (!this.#newest) { asOf.textContent = ''; return; }
        const age = this.#live.now() - this.#newest;
        asOf.textContent = `data as of ${time(this.#newest)}${age < 10_000 ? '' : ` (${duration(age)} ago)`}`;
        asOf.title = `The newest event that is shown happened at ${fullTime(this.#newest)}`;
    }
}
