// The small parts of a panel: figures, legend, table.
import { make } from './dom.js';
import { quantity, text, time } from './format.js';
import { summary } from './reading.js';

const TABLE_ROWS = 200;

/** A sample of the line as it is drawn, dashes included. */
export function swatch({ colour, dash }) {
    const element = make('i', { class: dash ? 'swatch dashed' : 'swatch' });
    element.style.color = colour;
    if (dash) {
        let at = 0;
        const stops = dash.map((length, i) => `${i % 2 ? 'transparent' : 'currentColor'} ${at}px ${at += length}px`);
        element.style.background = `repeating-linear-gradient(90deg, ${stops.join()})`;
    }
    return element;
}

/** A big number, with what it is above it. */
export function figure(label, value, unit, line) {
    const [digits, name] = quantity(value, unit);
    return make('span', { class: 'figure' },
        label && make('span', { class: 'caption' }, line && swatch(line), label),
        make('b', {}, digits, make('small', {}, name)));
}

/** The rows of a legend: one a series, with the values of its lines; `groups` are the lines of each series. */
export function legendRows(groups, valueOf, unit) {
    return groups.map(({ name, lines }) => make('li', {},
        swatch(lines.at(-1)), make('span', { class: 'name', title: name }, name),
        make('span', { class: 'value' }, lines.map((line) => text(valueOf(line), unit)).join(' · '))));
}

/** The legend of a large chart: a table of each line's last, least, mean and greatest value; a click on a name is `pick`. */
export function summaryTable(lines, unit, valueOf, when, pick) {
    const cell = (value) => make('td', {}, text(value, unit));
    const rows = lines.map((line) => {
        const { min, mean, max } = summary(line.column);
        const name = pick && line.labels ? make('button', { type: 'button', class: 'link', title: `Show ${line.name} only`, onclick: () => pick(line.labels) }, line.name) : line.name;
        return make('tr', {}, make('th', { scope: 'row' }, swatch(line), name), ...[valueOf(line), min, mean, max].map(cell));
    });
    return make('table', { class: 'summary' },
        make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Series'), ...[when, 'Min', 'Mean', 'Max'].map((words) => make('th', { scope: 'col' }, words)))),
        make('tbody', {}, ...rows));
}

/** What a chart draws as a table, newest first. */
export function pointsTable(caption, grid, lines, unit, step) {
    const rows = [];
    for (let i = grid.last; i >= 0 && rows.length < TABLE_ROWS; i--) {
        if (lines.every(({ column }) => column[i] === null)) continue;
        rows.push(make('tr', {}, make('th', { scope: 'row' }, time(grid.t[i], step)), ...lines.map(({ column }) => make('td', {}, text(column[i], unit)))));
    }
    return make('table', {},
        make('caption', { class: 'unseen' }, caption),
        make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, 'Time'), ...lines.map(({ name }) => make('th', { scope: 'col' }, name)))),
        make('tbody', {}, ...rows));
}
