// Elements, icons and menus, made in one line each.

/**
 * An element: `make('button', { class: 'x', onclick: f, 'aria-label': 'Close' }, 'text', child)`.
 * Attributes that are null or false are left away; children that are are too.
 */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
        else element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
}

/** A control with its name above it. */
export const field = (words, control) => make('label', { class: 'field' }, words, control);

/** A select of `[words, value]`, values being texts. */
export function select(options, value, attributes) {
    const box = make('select', attributes);
    box.append(...options.map(([words, one]) => new Option(words, one)));
    box.value = value;
    return box;
}

/** Check boxes in a row, drawn as chips, of which `chosen` are checked. */
export const chips = (legend, names, chosen, attributes) => make('fieldset', { class: 'chips' }, make('legend', { class: 'unseen' }, legend),
    ...names.map((value) => make('label', {}, make('input', { type: 'checkbox', value, checked: chosen.includes(value), ...attributes }), value)));

/**
 * A form over the page. `actions` are `[words, action]`, the first for Enter too: it closes once its action is done, and says
 * what went wrong where that throws.
 */
export function ask(heading, content, actions) {
    const problem = make('p', { class: 'problem', role: 'alert' });
    const run = (action) => async (event) => {
        event.preventDefault();
        problem.textContent = '';
        try {
            await action(box.firstChild);
            box.close();
        } catch (error) {
            problem.textContent = error.message;
        }
    };
    const [[words, first], ...others] = [...actions, ['Cancel', () => {}]];
    const box = make('dialog', { 'aria-label': heading, onclose: () => box.remove() }, make('form', { onsubmit: run(first) },
        make('h2', {}, heading), ...content, problem, make('div', { class: 'row' }, make('button', { class: 'primary' }, words),
            ...others.map(([words, action]) => make('button', { type: 'button', class: 'quiet wide', onclick: run(action) }, words)))));
    document.body.append(box);
    box.showModal();
}

/** A copy of the template `id`. */
export const fromTemplate = (id) => document.getElementById(id).content.cloneNode(true).firstElementChild;

const shapes = {
    more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
    left: 'M10 3 5 8l5 5', right: 'm6 3 5 5-5 5', up: 'm3 10 5-5 5 5', down: 'm3 6 5 5 5-5',
    minus: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14M5 7h4', close: 'm4 4 8 8m0-8-8 8', plus: 'M8 3v10M3 8h10',
    theme: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 2.6v6.8a3.4 3.4 0 0 0 0-6.8Zm.8 1.5v3.8', help: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.3 8.6 8 9 8 10m0 3h.01',
    back: 'M13 8H3m4-4L3 8l4 4', edit: 'm10.5 3 2.5 2.5L5.5 13 2.5 13.5 3 10.5Z',
};

/** A small picture that says nothing to a screen reader. */
export function icon(name) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    for (const [key, value] of [['viewBox', '0 0 16 16'], ['class', `icon ${name}`], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
    const path = document.createElementNS(svg.namespaceURI, 'path');
    path.setAttribute('d', shapes[name]);
    svg.append(path);
    return svg;
}

/** A button that shows an icon only; its name is there for screen readers and as a tip. */
export const iconButton = (name, label, onclick, attributes = {}) =>
    make('button', { type: 'button', class: 'quiet', 'aria-label': label, title: label, onclick, ...attributes }, icon(name));

/**
 * A button that opens a small surface below itself. `fill(surface)` is called each time it opens.
 * Escape, a click elsewhere and leaving by Tab close it.
 */
export function dropdown(label, content, fill, attributes = {}) {
    const surface = make('div', { class: 'surface', hidden: true });
    const button = make('button', {
        type: 'button', class: 'quiet', 'aria-haspopup': 'true', 'aria-expanded': 'false', 'aria-label': label, title: label, ...attributes,
    }, content);
    const box = make('div', { class: 'dropdown' }, button, surface);
    const show = (open) => {
        if (surface.hidden === !open) return;
        surface.hidden = !open;
        button.setAttribute('aria-expanded', String(open));
        if (!open) return document.removeEventListener('pointerdown', elsewhere);
        surface.replaceChildren();
        fill(surface, () => show(false));
        surface.classList.remove('leftward');
        surface.classList.toggle('leftward', surface.getBoundingClientRect().right > document.documentElement.clientWidth - 8);
        document.addEventListener('pointerdown', elsewhere);
        surface.querySelector('input, button, select, a')?.focus();
    };
    const elsewhere = ({ target }) => { if (!box.contains(target)) show(false); };
    button.addEventListener('click', () => show(surface.hidden));
    box.addEventListener('keydown', (event) => {
        if (event.key !== 'Escape' || surface.hidden) return;
        event.stopPropagation();
        show(false);
        button.focus();
    });
    box.addEventListener('focusout', ({ relatedTarget }) => { if (relatedTarget && !box.contains(relatedTarget)) show(false); });
    return box;
}

/** The entries of a menu: `[words, action]`; each closes it. */
export function fillMenu(surface, close, entries) {
    surface.classList.add('menu');
    for (const [words, action] of entries) {
        surface.append(make('button', { type: 'button', onclick: () => { close(); action(); } }, words));
    }
}

/** Text that can be copied, such as a command. */
export function copyable(text, label = 'Copy') {
    const button = make('button', { type: 'button', class: 'primary', onclick: async () => {
        await navigator.clipboard?.writeText(text.replaceAll(' \\\n', '')).then(() => { button.textContent = 'Copied'; }, () => {});
        setTimeout(() => { button.textContent = label; }, 2000);
    } }, label);
    return make('div', { class: 'command' }, make('pre', {}, make('code', {}, text)), button);
}

/** Hands the reader a file. */
export function download(name, type, text) {
    const link = make('a', { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
