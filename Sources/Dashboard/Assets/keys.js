// What the keyboard does, and the page that says so.
import { make } from './dom.js';
import { offered, relative } from './ranges.js';

const help = [
    ['g then o, s, b', 'overview, operations, the menu of boards'], [`1 … ${offered.length}`, `the ranges, from ${relative(offered[0]).label} to ${relative(offered.at(-1)).label}`],
    ['l', 'live'], ['[ and ]', 'earlier, later'], ['- and +', 'zoom out, in'], ['Backspace', 'back to the view before'],
    ['j and k', 'next, previous chart'], ['← and →', 'on a chart: move the crosshair; Shift: ten points'],
    ['Enter', 'open the chart large'], ['v', 'the chart as a table'], ['f', 'the chart over the full screen'], ['i', 'how the chart was answered'],
    ['u', 'times in UTC or your zone'], ['t', 'light or dark'], ['Esc', 'close, or back to the overview'], ['?', 'this page'],
];

export function showHelp() {
    document.querySelector('dialog.help')?.remove();
    const dialog = make('dialog', { class: 'help', 'aria-labelledby': 'help' },
        make('h2', { id: 'help' }, 'Keyboard'),
        make('dl', {}, ...help.flatMap(([key, words]) => [make('dt', {}, make('kbd', {}, key)), make('dd', {}, words)])),
        make('p', { class: 'muted' }, 'Drag over a chart to zoom; drag with Shift to move. For a wall display add ?kiosk to the address.'),
        make('button', { type: 'button', class: 'primary', onclick: () => dialog.close() }, 'Close'));
    document.body.append(dialog);
    dialog.showModal();
}

/** Listens to the keyboard; `parts` are those of the page that keys move. */
export function listen({ view, time, panels, toggleZone, toggleTheme }) {
    let waitsForPage = false;
    const current = () => [...panels().values()].find(({ element }) => element.contains(document.activeElement));
    const step = (by) => {
        const all = [...panels().values()];
        const at = all.indexOf(current());
        const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length];
        next?.focus();
        next?.element.scrollIntoView({ block: 'nearest' });
    };
    const actions = {
        l: () => time.goLive(), '[': () => time.pan(-0.5), ']': () => time.pan(0.5), '-': () => time.widen(2), '+': () => time.widen(0.5), '=': () => time.widen(0.5),
        j: () => step(1), k: () => step(-1), u: toggleZone, t: toggleTheme, '?': showHelp, Backspace: () => history.back(),
        v: () => current()?.toggleTable?.(), f: () => (current() ?? [...panels().values()][0])?.fullScreen(), i: () => current()?.toggleAnswered(),
        Enter: () => { const panel = current(); if (panel && !panel.large) location.hash = panel.link; },
        Escape: () => { if (!document.fullscreenElement && view.get('view')) location.hash = view.linkTo({}); },
    };
    document.addEventListener('keydown', (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
        if (event.target.closest('input:not([type=radio], [type=checkbox]), select, textarea, dialog[open]')) return;
        if (event.key === 'Enter' && !event.target.matches('.canvas, .bars, .points')) return;
        const number = offered[Number(event.key) - 1];
        const wanted = waitsForPage && { o: {}, s: { view: 'ops' } }[event.key];
        const boards = waitsForPage && event.key === 'b';
        waitsForPage = event.key === 'g';
        const action = boards ? () => document.querySelector('nav button').click() : wanted ? () => { location.hash = view.linkTo(wanted); } : number ? () => time.choose(number) : actions[event.key];
        if (!action) return;
        event.preventDefault();
        action();
    });
}
