/** JSON: a table if it is one, else its values one below the other. */

import { button, make } from '../dom.js';
import { columnsOf, table } from './table.js';
import type { Viewer } from './viewer.js';

/** How many characters are shown. */
const MAX_SHOWN = 500_000;

export function jsonView(): Viewer {
  const element = make('div', { class: 'json' });
  return {
    element,
    end: async (whole) => {
      const text = await whole.text();
      element.replaceChildren(...shown(text));
    },
  };
}

function shown(text: string): HTMLElement[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [preformatted(text)];
  }
  const columns = columnsOf(value);
  if (columns === undefined) return [preformatted(pretty(text, value))];
  const rows = (value as Record<string, unknown>[]).map((row) => columns.map((name) => row[name]));
  return switched(table(columns, rows), preformatted(pretty(text, value)));
}

/** Numbers that JavaScript cannot hold would change if they were written again. */
function pretty(text: string, value: unknown): string {
  const isExact = !/\d{16}|\d[eE.]\d{15}/.test(text);
  return isExact ? JSON.stringify(value, null, 2) : text;
}

function preformatted(text: string): HTMLElement {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}\n…` : text;
  return make('pre', { class: 'text', tabindex: '0', 'aria-label': 'JSON of the answer' }, cut);
}

/** A table, and the text that it was made from, of which one is seen. */
function switched(first: HTMLElement, second: HTMLElement): HTMLElement[] {
  second.hidden = true;
  const toggle = button('Show as JSON', { class: 'quiet' }, () => {
    first.hidden = !first.hidden;
    second.hidden = !second.hidden;
    toggle.textContent = first.hidden ? 'Show as table' : 'Show as JSON';
  });
  return [first, second, toggle];
}
