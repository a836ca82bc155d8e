// Signing in with a token: the server gives a session cookie for it, which scripts cannot read; the token is kept nowhere.
import { make } from './dom.js';

/** Where the browser notes that a session was begun here: scripts cannot see its cookie. */
const SIGNED_IN = 'weir.signed-in';
const send = (method, body) => fetch('/api/v1/session', { method, headers: { 'Content-Type': 'application/json' }, body });

export class Session {
    #begun; #dialog; #busy = false;

    /** @param begun called when a session has begun; @param ended when it is given up */
    constructor(begun, ended) {
        this.#begun = begun;
        this.button = make('button', { type: 'button', class: 'quiet wide', hidden: !localStorage.getItem(SIGNED_IN), onclick: async () => {
            await send('DELETE').catch(() => {});
            this.#note(false);
            ended();
            this.ask('You have signed out.');
        } }, 'Sign out');
    }

    #note(isSignedIn) {
        if (isSignedIn) localStorage.setItem(SIGNED_IN, '1'); else localStorage.removeItem(SIGNED_IN);
        this.button.hidden = !isSignedIn;
    }

    get isAsking() { return this.#dialog?.open ?? false; }

    close() { this.#dialog?.close(); }

    /** Asks for the token, saying why. */
    ask(reason) {
        if (this.isAsking) return;
        const problem = make('p', { class: 'problem', role: 'alert' });
        const input = make('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true, 'aria-label': 'Token' });
        const button = make('button', { class: 'primary' }, 'Sign in');
        this.#dialog?.remove();
        this.#dialog = make('dialog', { class: 'sign-in', 'aria-labelledby': 'sign-in', oncancel: (event) => event.preventDefault() },
            make('form', { onsubmit: (event) => { event.preventDefault(); this.#submit(input, button, problem); } },
                make('h2', { id: 'sign-in' }, 'Sign in to Weir'),
                make('p', { class: 'muted' }, reason.startsWith('Send a token') ? 'This installation asks for a token.' : reason),
                make('label', { class: 'field' }, 'Token', input), problem, button,
                make('p', { class: 'muted' }, 'Tokens stand in the file that WEIR_TOKENS names; one with the scope read shows everything.')));
        document.body.append(this.#dialog);
        this.#dialog.showModal();
        input.focus();
    }

    async #submit(input, button, problem) {
        if (this.#busy) return;
        this.#busy = true;
        problem.textContent = '';
        button.disabled = true;
        try {
            const answer = await send('POST', JSON.stringify({ token: input.value.trim() }));
            if (answer.ok) {
                this.#dialog.close();
                this.#note(true);
                this.#begun();
            } else {
                problem.textContent = (await answer.json().catch(() => ({}))).detail ?? `The server answered ${answer.status}.`;
                input.select();
            }
        } catch {
            problem.textContent = 'The server does not answer; try again.';
        }
        button.disabled = this.#busy = false;
    }
}
