/** A form with a control for each argument. */

import { make } from './dom.js';
import type { Field } from './field.js';
import { type Argument, unquoted } from './literal.js';

/** What has been entered, by the names of the arguments. */
export type Entered = Record<string, string>;

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Controls for arguments, which keep what was entered when the arguments change. */
export class Form {
  readonly element = make('div', { class: 'fields' });
  #fields: Field[] = [];
  #entered: Entered = {};
  #drawn = '';
  readonly #onChange: () => void;

  readonly #prefix: string;

  /** `prefix` begins the ids of its controls. */
  constructor(prefix: string, onChange: () => void) {
    this.#prefix = prefix;
    this.#onChange = onChange;
  }

  /** Asks for these arguments. */
  show(fields: Field[], entered: Entered): void {
    this.#entered = entered;
    this.#fields = fields;
    // A control that somebody is writing in stays.
    const drawn = JSON.stringify([
      fields,
      this.element.contains(document.activeElement) || entered,
    ]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.element.replaceChildren(...fields.map((field) => this.#row(field)));
  }

  get entered(): Entered {
    return this.#entered;
  }

  /** The arguments that have a value. An empty control leaves its argument to the default. */
  get args(): Argument[] {
    return this.#fields.flatMap((field) => {
      const literal = literalOf(field, this.#entered[field.name]);
      return literal === undefined ? [] : [{ name: field.name, literal }];
    });
  }

  #row(field: Field): HTMLElement {
    const id = `${this.#prefix}-${field.name}`;
    const control = controlOf(field, id);
    control.value = this.#entered[field.name] ?? '';
    control.addEventListener('input', () => {
      this.#entered = { ...this.#entered, [field.name]: control.value };
      this.#onChange();
    });
    const type = make('span', { class: 'type' }, field.annotation);
    const label = make('label', { for: id }, make('code', {}, field.name), type);
    const row = make('div', { class: 'field' }, label, control);
    if (field.description !== '') {
      const hint = `${id}-hint`;
      control.setAttribute('aria-describedby', hint);
      row.append(make('p', { class: 'hint', id: hint }, field.description));
    }
    return row;
  }
}

function controlOf(field: Field, id: string): Control {
  const placeholder = field.fallback === undefined ? '' : unquoted(field.fallback);
  const required = field.fallback === undefined;
  const common = { id, name: field.name, autocomplete: 'off' };
  switch (field.kind) {
    case 'boolean':
      return choice(common, ['True', 'False'], field.fallback);
    case 'choice':
      return choice(common, field.choices, field.fallback);
    case 'number': {
      const known = { type: 'text', inputmode: 'decimal', placeholder, spellcheck: 'false' };
      return make('input', { ...common, ...known, 'aria-required': required && 'true' });
    }
    default:
      return make('textarea', {
        ...common,
        rows: '1',
        placeholder: placeholder || (field.kind === 'value' ? 'a value, as Python writes it' : ''),
        'aria-required': required && 'true',
      });
  }
}

function choice(
  common: Record<string, string>,
  literals: string[],
  fallback: string | undefined,
): HTMLSelectElement {
  const none = fallback === undefined ? 'choose' : `default: ${unquoted(fallback)}`;
  const options = literals.map((literal) => make('option', { value: literal }, unquoted(literal)));
  return make('select', common, make('option', { value: '' }, none), ...options);
}

/** What was entered, as a literal; nothing if it is left to the default, or was never touched. */
function literalOf(
  { kind, fallback, choices }: Field,
  entered: string | undefined,
): string | undefined {
  if (entered === undefined) return undefined;
  if (entered === '' && (kind !== 'text' || fallback !== undefined)) return undefined;
  if (kind === 'text') return JSON.stringify(entered);
  if (kind === 'boolean') return entered === 'True' ? 'true' : 'false';
  if (kind === 'choice') {
    const isText = choices.includes(entered) && /^["']/.test(entered);
    return isText ? JSON.stringify(unquoted(entered)) : entered;
  }
  if (kind === 'any')
    return /^(-?\d|[[{"']|true$|false$|null$|True$|False$|None$)/.test(entered)
      ? entered
      : JSON.stringify(entered);
  return entered;
}
