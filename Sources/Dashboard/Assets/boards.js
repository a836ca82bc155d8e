// Saved boards: pages of charts under a name, for everybody to look at and for admins to change.
import { ask, chips, download, dropdown, field, fillMenu, icon, iconButton, make, select } from './dom.js';
import { title } from './format.js';
import { isShowable, offeredBy, specOf } from './overview.js';
import { PanelsPage } from './page.js';
import { offered, relative } from './ranges.js';
import { get, send } from './weir.js';

const RETRY_AFTER = 3_000; // ms
const addressOf = (name) => `/api/v1/boards/${encodeURIComponent(name)}`;
const put = (name, board, headers) => send(addressOf(name), {
    method: 'PUT', body: JSON.stringify({ ...board, name }), headers: { 'Content-Type': 'application/json', ...headers },
});
const open = ({ view }, board) => { location.hash = `view=board&board=${board}${view.get('zone') ? '&zone=utc' : ''}`; };
const button = (words, onclick, kind = 'quiet wide') => make('button', { type: 'button', class: kind, onclick }, words);

/** The boards that are being changed, by name, `{ board, tag, changed }`; they outlive a look at another page. */
const drafts = new Map();
/** The name of a board that was just made, and is to be filled. */
let fresh;
addEventListener('beforeunload', (event) => { if ([...drafts.values()].some(({ changed }) => changed)) event.preventDefault(); });

/** What a page shows, as a board has it. */
const panelsOf = (page) => [...page.panels().values()].map(({ spec: { metric, type, shown, by, filter, heading, size } }) =>
    ({ metric: metric.name, ...(type === 'top' ? {} : { agg: shown, by }), filters: filter, title: heading, size }));

/** The menu of all boards. */
export const boardsMenu = (page) => dropdown('Boards', make('span', {}, 'Boards', icon('down')), async (surface, close) => {
    const note = make('p', { class: 'muted' }, 'Loading …');
    surface.append(note);
    try {
        const { boards, writable, degraded } = await page.ask(() => get('/api/v1/boards'));
        note.textContent = degraded.length ? 'Saved boards are out of reach, as PostgreSQL is.' : boards.length ? '' : 'No boards yet.';
        fillMenu(surface, close, [...boards.map((one) => [one.title, () => open(page, one.name)]), ...(writable ? [['New board …', () => create(page)]] : [])]);
        surface.querySelector('button')?.focus();
    } catch (error) {
        note.textContent = error.message;
    }
}, { class: 'quiet wide', 'data-view': 'board' });

/** Asks for a new board: empty, of what is shown, or of a file. */
function create(page) {
    const name = make('input', { maxlength: 100, autocomplete: 'off' });
    const from = select([['nothing yet', ''], ['what is shown now', 'shown']], '');
    const file = make('input', { type: 'file', accept: '.json' });
    let known;
    ask('New board', [field('Title', name), field('With', from), field('Or from an exported file', file)], [['Create', async () => {
        let board = { panels: from.value ? panelsOf(page) : [] };
        if (file.files[0]) board = { ...JSON.parse(await file.files[0].text()) };
        board.title = name.value.trim() || board.title || board.name;
        if (!board.title) throw new Error('Give it a title.');
        const words = name.value.trim() || board.name || board.title;
        const slug = words.normalize('NFKD').toLowerCase().replaceAll(/[^a-z0-9_]+/g, '-').replaceAll(/^[-_]+|-$/g, '').slice(0, 64) || 'board';
        try {
            await put(slug, board, known === slug ? {} : { 'If-None-Match': '*' });
        } catch (error) {
            if (error.status !== 412) throw error;
            known = slug;
            throw new Error(`There is a board “${slug}” already. Give another title; or press Create again, and it is replaced.`);
        }
        drafts.delete(slug);
        if (!file.files[0]) fresh = slug;
        open(page, slug);
    }]]);
}

/** Asks for a panel, beginning with `panel`; `done` gets it. */
function askPanel(heading, metrics, panel, done) {
    const place = make('div', { class: 'fields' });
    const show = () => {
        const metric = metrics.find(({ name }) => name === chosen.value);
        const { agg = [], by = [], filters = {} } = metric.name === panel.metric ? panel : { agg: specOf(metric).shown };
        place.replaceChildren(...metric.kind === 'top' ? [] : [
            make('div', { class: 'field' }, 'Aggregations', chips('Aggregations', offeredBy(metric, agg), agg, { name: 'agg' })),
            make('div', { class: 'field', hidden: !metric.by.length }, 'Grouped by', chips('Grouping', metric.by, by, { name: 'by' }))],
        ...metric.by.map((label) => field(`Only ${label}`, make('input', { name: `f.${label}`, value: filters[label], placeholder: 'all; else as in a,b or !a or /api/*' }))));
    };
    // One that is gone cannot be chosen again.
    const first = metrics.find(({ name }) => name === panel.metric) ?? metrics[0];
    const chosen = select(metrics.map(({ name }) => [title(name), name]), first.name, { name: 'metric', onchange: show });
    show();
    ask(heading, [field('Metric', chosen), place, field('Title', make('input', { name: 'title', maxlength: 100, value: panel.title })),
        field('Width', select([['one column', 'normal'], ['two columns', 'wide'], ['all columns', 'full']], panel.size ?? 'normal', { name: 'size' }))],
    [['Apply', (form) => {
        const data = new FormData(form);
        const filters = Object.fromEntries([...data].filter(([name, text]) => name.startsWith('f.') && text).map(([name, text]) => [name.slice(2), text]));
        done({ metric: chosen.value, agg: data.getAll('agg'), by: data.getAll('by'), filters, title: data.get('title') || undefined, size: data.get('size') });
    }]]);
}

/** One board; for an admin also as it is changed. */
export class BoardPage extends PanelsPage {
    #name; #board; #tag; #mayWrite; #shown; #metrics = []; #timer; #bar = make('div', { class: 'choices' }); #grid = make('div', { class: 'grid' });

    constructor(place, page) {
        super(place, Object.create(page, { choose: { value: (panel) => this.#draft ? this.#take() : page.choose(panel) } }));
        place.classList.replace('grid', 'single');
        place.append(this.#bar, this.#grid);
        this.#name = page.view.get('board');
        page.title(this.#name);
    }

    get #draft() { return drafts.get(this.#name); }
    get #key() { return JSON.stringify([this.#draft?.board.panels, this.#board, this.#metrics.map(({ series, ...one }) => one)]); }

    /** Takes what a panel was switched to, and shows already, into what is changed. */
    #take() {
        Object.assign(this.#draft, { changed: true }).board.panels = panelsOf(this.page);
        this.#shown = this.#key;
    }

    arrange(metrics) {
        this.#metrics = metrics.filter(isShowable);
        if (this.#board) this.#draw(); else this.#load();
    }

    async #load() {
        clearTimeout(this.#timer);
        try {
            const answer = await this.page.ask(() => send(addressOf(this.#name)));
            this.#board = await answer.json();
            this.#tag = answer.headers.get('ETag');
            this.#mayWrite = answer.headers.get('Allow')?.includes('PUT');
        } catch (error) {
            if (!this.#bar.isConnected) return;
            const isMissing = error.status === 404;
            this.say(isMissing ? 'No such board' : 'The board cannot be read now', make('p', {}, isMissing ? `There is no board “${this.#name}” here (any more); the menu Boards has those there are.` : error.message));
            if (![401, 403, 404].includes(error.status)) this.#timer = setTimeout(() => this.#load(), RETRY_AFTER);
            return;
        }
        if (!this.#bar.isConnected) return;
        const { view } = this.page;
        if (this.#board.range && !view.get('range') && !view.get('from')) view.go({ range: this.#board.range }, { replace: true });
        this.#draw();
        if (fresh === this.#name) this.#edit();
        fresh = undefined;
    }

    remove() {
        clearTimeout(this.#timer);
        this.page.health.notify('board', '');
        super.remove();
    }

    #draw(focus) {
        const draft = this.#draft;
        const { title, panels, range = '' } = draft?.board ?? this.#board;
        if (this.#shown === this.#key) return;
        this.#shown = this.#key;
        this.setPanels(panels.map(({ metric, filters, title, ...rest }, i) => ({
            // The server says of a metric that is gone what it is about.
            ...specOf(this.#metrics.find(({ name }) => name === metric) ?? { name: metric, kind: 'counter', by: [] }, { by: [], ...rest, id: `b${i}`, filter: filters, heading: title }),
            size: rest.size,
        })), this.#grid);
        this.say(...panels.length ? [] : [title, make('p', {}, draft ? 'Add a panel, then save.' : 'This board has no panels yet.')]);
        this.page.title(title, ...draft ? [] : [this.#mayWrite && button('Edit', () => this.#edit()),
            button('Export', () => download(`${this.#name}.json`, 'application/json', JSON.stringify(this.#board, null, 2)))].filter(Boolean));
        if (!draft) return this.#bar.replaceChildren();
        panels.forEach((panel, i) => {
            const move = (icon, words, to) => iconButton(icon, words, () => this.#change((all) => { all.splice(to, 0, ...all.splice(i, 1)); }, [to, icon]),
                { disabled: to < 0 || to === panels.length });
            this.panels.get(`b${i}`).find('.controls').prepend(move('left', 'Move forward', i - 1), move('right', 'Move back', i + 1),
                iconButton('edit', 'Change', () => askPanel('Change panel', this.#metrics, panel, (next) => this.#change((all) => { all[i] = next; }, [i, 'edit']))),
                iconButton('close', 'Remove', () => this.#change((all) => all.splice(i, 1))));
        });
        if (focus) this.panels.get(`b${focus[0]}`).find(`button:enabled:has(.${focus[1]}), button:has(.edit)`).focus();
        if (this.#bar.firstChild) return;
        const set = (name) => ({ target: { value } }) => { draft.board[name] = value || undefined; draft.changed = true; };
        this.#bar.replaceChildren(
            make('input', { 'aria-label': 'Title', maxlength: 100, value: title, onchange: set('title') }),
            select([['Opens with any range', ''], ...[...new Set([...offered, range])].filter(Boolean).map((id) => [`Opens with ${relative(id).label}`, id])], range, { 'aria-label': 'Range', onchange: set('range') }),
            button('Add panel', () => askPanel('Add panel', this.#metrics, { metric: this.#metrics[0].name, agg: specOf(this.#metrics[0]).shown }, (next) => this.#change((all) => all.push(next)))),
            button('Save', () => this.#save(), 'primary'), button('Cancel', () => this.#end()), button('Delete', () => this.#delete()));
    }

    #edit() {
        // What is seen is what is changed: with the groupings chosen meanwhile.
        const panels = panelsOf(this.page);
        drafts.set(this.#name, { board: { ...this.#board, panels }, tag: this.#tag });
        this.page.view.go(Object.fromEntries(panels.map((_, i) => [`p.b${i}`, null])), { replace: true });
        this.#draw();
        this.#bar.firstChild.focus();
    }

    #change(change, focus) {
        change(this.#draft.board.panels);
        this.#draft.changed = true;
        this.#draw(focus);
    }

    /** Ends changing, and shows what is saved. */
    #end() {
        this.page.health.notify('board', '');
        drafts.delete(this.#name);
        return this.#load();
    }

    async #save(condition = { 'If-Match': this.#draft.tag }) {
        try {
            await this.page.ask(() => put(this.#name, this.#draft.board, condition));
        } catch (error) {
            if (error.status === 412) {
                return ask('Changed by somebody else', [make('p', {}, 'This board was saved or deleted since you began to change it. One of the two changes will be lost.')],
                    [['Overwrite theirs', () => this.#save({})], ['Take theirs', () => this.#end()]]);
            }
            return this.page.health.notify('board', `The board is not saved. ${error.message}`, 'error');
        }
        this.page.say('Saved');
        this.#end();
    }

    #delete() {
        ask('Delete this board?', [make('p', {}, 'It goes for everybody, and only a file that was exported brings it back.')], [['Delete', async () => {
            await this.page.ask(() => send(addressOf(this.#name), { method: 'DELETE' }));
            drafts.delete(this.#name);
            location.hash = this.page.view.linkTo({});
        }]]);
    }
}
