// Stretches of time: the live windows, the last so-and-so long, and a range of one's own.
import { isUTC, span } from './format.js';

const second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
const units = { s: second, m: minute, h: hour, d: day };
const words = { s: 's', m: 'min', h: 'h', d: 'd' };

/** The shortest range that can be zoomed to, ms. */
export const shortest = 10 * second;

const live = {
    '1m': { window: '1m', step: '1s', every: '100ms' }, '5m': { window: '5m', step: '1s', every: '100ms' },
    '15m': { window: '15m', step: '5s', every: '500ms' },
};

/** Offered on the page, in this order. */
export const offered = ['1m', '5m', '15m', '1h', '6h', '24h', '7d', '30d'];
export const standard = '5m';

/** The last so-and-so long, as `45m` names it; undefined where it names nothing. */
export function relative(id) {
    const match = /^(\d{1,5})([smhd])$/.exec(id ?? '');
    const ms = match ? match[1] * units[match[2]] : 0;
    if (ms < shortest || ms > 3660 * day) return undefined;
    const label = `${match[1]} ${words[match[2]]}`;
    if (live[id]) return { id, label, ms, live: true, ...live[id] };
    return { id, label, ms, live: false, refresh: Math.min(5 * minute, Math.max(5 * second, ms / 360)) };
}

/** From one moment to another, ms since 1970; undefined where that is no range. */
export function absolute(from, to) {
    if (!(from >= 0) || !(to - from >= shortest)) return undefined;
    return { id: `${from}-${to}`, label: span(from, to), ms: to - from, live: false, from, to, refresh: 30 * second };
}

/** The range that the address names. */
export function rangeOf(view) {
    const own = view.get('from') && absolute(Number(view.get('from')), Number(view.get('to')));
    return own ?? relative(view.get('range')) ?? relative(standard);
}

/** What the address says for a range. */
export const addressOf = (range) =>
    range.from === undefined ? { range: range.id, from: null, to: null } : { range: null, from: range.from, to: range.to };

/** Where a range lies now; what is live or relative ends at `now`. */
export const bounds = (range, now) => range.from === undefined ? [now - range.ms, now] : [range.from, range.to];

/** A moment for `<input type=datetime-local>`, in the zone of the page, and back. */
export function toInput(ms) {
    const date = new Date(ms - (isUTC() ? 0 : new Date(ms).getTimezoneOffset() * minute));
    return date.toISOString().slice(0, 19);
}
export const fromInput = (text) => Date.parse(text + (isUTC() ? 'Z' : ''));
