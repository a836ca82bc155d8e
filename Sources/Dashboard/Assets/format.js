// Numbers and times for people: few digits, aligned, with their unit.

const grouped = [0, 1, 2, 3].map((digits) =>
    new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }));

/** Three significant digits, thousands as k, M, G: 0, 0.012, 1.23, 12.3, 123, 1,234, 12.3k. */
export function number(value) {
    const size = Math.abs(value);
    for (const [limit, letter] of [[999.5e6, 'G'], [999.5e3, 'M'], [9999.5, 'k']]) {
        if (size >= limit) return plain(value / { G: 1e9, M: 1e6, k: 1e3 }[letter]) + letter;
    }
    return plain(value);
}

/** A count: whole numbers as they are, long ones short. */
export const count = (value) => Number.isInteger(value) && Math.abs(value) < 10_000 ? grouped[0].format(value) : number(value ?? NaN);

function plain(value) {
    const size = Math.abs(value);
    if (size === 0 || size >= 99.95) return grouped[0].format(value);
    return grouped[size >= 9.995 ? 1 : size >= 0.995 ? 2 : 3].format(value);
}

const scales = {
    ms: [[60_000, 1 / 60_000, 'min'], [1000, 1 / 1000, 's'], [0, 1, 'ms']],
    s: [[60, 1 / 60, 'min'], [1, 1, 's'], [0, 1000, 'ms']],
    B: [[1e9, 1e-9, 'GB'], [1e6, 1e-6, 'MB'], [1e3, 1e-3, 'kB'], [0, 1, 'B']],
    '%': [[0, 100, '%']],
};

/** `[text, unit]` of a value, in the size of unit that suits it; a value that is not there is a dash. */
export function quantity(value, unit) {
    if (value === null || value === undefined || Number.isNaN(value)) return ['–', ''];
    const rate = unit.endsWith('/s') && unit !== '/s';
    const scale = scales[rate ? unit.slice(0, -2) : unit];
    if (!scale) return [number(value), unit];
    const [, factor, name] = scale.find(([from]) => Math.abs(value) >= from) ?? scale.at(-1);
    return [number(value * factor), rate ? `${name}/s` : name];
}

/** A value with its unit, in one text. */
export function text(value, unit) {
    const [digits, name] = quantity(value, unit);
    return name === '' || name.startsWith('/') || name === '%' ? digits + name : `${digits} ${name}`;
}

/** For the vertical axis: the same size of unit for all its labels, no needless digits. */
export function axisFormatter(unit, top) {
    const scale = scales[unit.replace(/(.)\/s$/, '$1')] ?? [[0, 1, unit.startsWith('/') ? '' : unit]];
    const [, factor, name] = scale.find(([from]) => top >= from) ?? scale.at(-1);
    return (value) => {
        if (value === 0) return '0';
        const digits = number(value * factor).replace(/(\.\d*?)0+(?=\D|$)/, '$1').replace(/\.(?=\D|$)/, '');
        return name === '%' ? `${digits}%` : name ? `${digits} ${name}` : digits;
    };
}

let utc, clock, minutes, day, whole;

/** Shows times in UTC, or in the zone of the viewer. */
export function setZone(isUTC) {
    utc = isUTC;
    const form = (parts) => new Intl.DateTimeFormat('en-GB', { ...parts, ...(isUTC ? { timeZone: 'UTC' } : {}) });
    clock = form({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
    minutes = form({ hour: '2-digit', minute: '2-digit' });
    day = form({ day: 'numeric', month: 'short' });
    whole = form({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
setZone(false);

/** Whether times are in UTC. */
export const isUTC = () => utc;

/** A moment as a reader of a live page wants it; the day only where it is not today. */
export function time(ms, step = 1000) {
    const hours = (step < 60_000 ? clock : minutes).format(ms);
    return day.format(ms) === day.format(Date.now()) ? hours : `${day.format(ms)} ${hours}`;
}

/** A moment with its day, year and zone. */
export const fullTime = (ms) => `${whole.format(ms)}${utc ? ' UTC' : ''}`;

/** A label of the time axis: the day at midnight, else hours and minutes, seconds where they differ. */
export function axisTime(ms) {
    const date = new Date(ms);
    if (date.getSeconds()) return clock.format(date);
    const isMidnight = utc ? !date.getUTCHours() && !date.getUTCMinutes() : !date.getHours() && !date.getMinutes();
    return isMidnight ? day.format(date) : minutes.format(date);
}

/** From when to when, without saying a day twice. */
export function span(from, to) {
    const step = to - from < 600_000 ? 1000 : 60_000;
    const end = (step < 60_000 ? clock : minutes).format(to);
    return `${time(from, step)} – ${day.format(from) === day.format(to) ? end : time(to, step)}`;
}

/** A stretch of time in words: `850 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function duration(ms) {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    const [size, name] = [[86_400_000, 'd'], [3_600_000, 'h'], [60_000, 'min'], [1000, 's']].find(([from]) => ms >= from);
    return `${Number((ms / size).toPrecision(2))} ${name}`;
}

/** `request_count` → `Request count`. */
export function title(name) {
    const words = name.replaceAll(/[_.-]+/g, ' ').trim();
    return words.charAt(0).toUpperCase() + words.slice(1);
}
