/** Where one calls a named endpoint: which one, what it says of itself, and its arguments. */

import { find, make } from './dom.js';
import { type Endpoint, planOfEndpoint } from './endpoints.js';
import { Form } from './form.js';
import type { Plan } from './snippets/plan.js';

export class EndpointSide {
  readonly #all: readonly Endpoint[];
  readonly #select = find<HTMLSelectElement>('endpoint');
  readonly #form: Form;
  readonly #onChange: () => void;
  readonly #files = make('div', { class: 'fields' });

  constructor(all: readonly Endpoint[], onChange: () => void) {
    this.#all = all;
    this.#onChange = onChange;
    this.#form = new Form('endpoint-argument', onChange);
    find('endpoint-fields').replaceWith(this.#form.element, this.#files);
    const options = all.map(({ method, path }, index) =>
      make('option', { value: String(index) }, `${method} ${path}`),
    );
    this.#select.replaceChildren(...options);
    this.#select.addEventListener('change', () => this.#draw());
    this.#draw();
  }

  /** The request as other programs would make it. */
  get plan(): Plan {
    const files = this.#chosen.map(([name, file]): [string, string] => [name, file.name]);
    return planOfEndpoint(this.#current, this.#form.args, files);
  }

  /** Makes the request. */
  send(signal: AbortSignal): Promise<Response> {
    const { url, method, json, fields, files } = this.plan;
    if (files.length === 0) {
      const headers = { 'content-type': 'application/json' };
      return fetch(
        url,
        json === undefined ? { method, signal } : { method, signal, headers, body: json },
      );
    }
    const body = new FormData();
    for (const [name, value] of fields) body.append(name, value);
    for (const [name, file] of this.#chosen) body.append(name, file);
    return fetch(url, { method, signal, body });
  }

  get name(): string {
    return this.#current.path.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'answer';
  }

  get #current(): Endpoint {
    const current = this.#all[Number(this.#select.value)] ?? this.#all[0];
    if (current === undefined) throw new Error('there is no endpoint');
    return current;
  }

  get #chosen(): [string, File][] {
    const inputs = [...this.#files.querySelectorAll('input')];
    return inputs.flatMap((input) =>
      [...(input.files ?? [])].map((file): [string, File] => [input.name, file]),
    );
  }

  #draw(): void {
    const { summary, description, fields } = this.#current;
    find('endpoint-summary').textContent = summary;
    find('endpoint-description').textContent = description;
    this.#form.show(
      fields.filter(({ kind }) => kind !== 'file'),
      {},
    );
    const files = fields.filter(({ kind }) => kind === 'file');
    this.#files.replaceChildren(...files.map(({ name }) => this.#fileRow(name)));
    const hint = find('endpoint-hint');
    hint.hidden = fields.length > 0;
    this.#onChange();
  }

  #fileRow(name: string): HTMLElement {
    const id = `file-${name}`;
    const input = make('input', { type: 'file', id, name });
    input.addEventListener('change', this.#onChange);
    return make(
      'div',
      { class: 'field' },
      make('label', { for: id }, make('code', {}, name)),
      input,
    );
  }
}
