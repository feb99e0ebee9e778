/** The call as other programs make it: one of several notations, to be copied. */

import { copyText } from '../clipboard.js';
import { button, find, make } from '../dom.js';

export type Snippets = Record<string, () => string>;

export class SnippetPanel {
  readonly #select = find<HTMLSelectElement>('notation');
  readonly #code = find('snippet');
  readonly #says = find('snippet-says');
  #snippets: Snippets = {};

  constructor() {
    this.#select.addEventListener('change', () => this.#draw());
    find('snippet-copy').replaceWith(
      button('Copy', { id: 'snippet-copy' }, () => {
        void copyText(this.#code.textContent ?? '').then((says) => this.#say(says));
      }),
    );
  }

  /** Offers these notations. */
  show(snippets: Snippets): void {
    const chosen = this.#select.value;
    const names = Object.keys(snippets);
    this.#snippets = snippets;
    this.#select.replaceChildren(...names.map((name) => make('option', { value: name }, name)));
    this.#select.value = names.includes(chosen) ? chosen : (names[0] ?? '');
    this.#draw();
  }

  #draw(): void {
    this.#say('');
    try {
      this.#code.textContent = this.#snippets[this.#select.value]?.() ?? '';
    } catch (err) {
      this.#code.textContent = '';
      this.#say(err instanceof Error ? err.message : String(err));
    }
  }

  #say(text: string): void {
    this.#says.textContent = text;
  }
}
