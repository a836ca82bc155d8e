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

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** A moment as a reader of a live page wants it; the day only where it is not today. */
export function time(ms, step = 1000) {
    const hours = (step < 60_000 ? clock : minutes).format(ms);
    return day.format(ms) === day.format(Date.now()) ? hours : `${day.format(ms)} ${hours}`;
}

/** A label of the time axis: the day at midnight, else hours and minutes, seconds where they differ. */
export function axisTime(ms) {
    const date = new Date(ms);
    if (date.getSeconds()) return clock.format(date);
    return date.getHours() || date.getMinutes() ? minutes.format(date) : day.format(date);
}

/** `request_count` → `Request count`. */
export function title(name) {
    const words = name.replaceAll(/[_.-]+/g, ' ').trim();
    return words.charAt(0).toUpperCase() + words.slice(1);
}
