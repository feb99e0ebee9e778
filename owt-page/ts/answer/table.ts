/** Rows that are alike, as a table. */

import { make } from '../dom.js';

/** How many rows are shown. */
const MAX_ROWS = 1000;

type Row = Record<string, unknown>;

/** The columns of a list of flat objects; `undefined` if it is something else. */
export function columnsOf(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isFlat)) return undefined;
  const columns = new Set((value as Row[]).flatMap((row) => Object.keys(row)));
  return columns.size > 0 && columns.size <= 50 ? [...columns] : undefined;
}

function isFlat(row: unknown): row is Row {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return false;
  return Object.values(row).every((cell) => typeof cell !== 'object' || cell === null);
}

export function table(columns: readonly string[], rows: readonly unknown[][]): HTMLElement {
  const head = columns.map((column) => make('th', { scope: 'col' }, column));
  const body = rows.slice(0, MAX_ROWS).map((row) => make('tr', {}, ...row.map(cell)));
  const element = make(
    'table',
    {},
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...body),
  );
  const rest = rows.length - MAX_ROWS;
  const more = rest > 0 ? [make('p', { class: 'hint' }, `and ${rest} rows more`)] : [];
  return make(
    'div',
    { class: 'table', tabindex: '0', role: 'region', 'aria-label': 'Table' },
    element,
    ...more,
  );
}

function cell(value: unknown): HTMLElement {
  const isNumber = typeof value === 'number';
  const text = value === null || value === undefined ? '' : String(value);
  return make('td', { class: isNumber && 'number' }, text);
}
