/** Comma-separated values (RFC 4180), as a table. */

import { table } from './table.js';
import { make } from '../dom.js';
import type { Viewer } from './viewer.js';

export function csvView(): Viewer {
  const element = make('div');
  return {
    element,
    end: async (whole) => {
      const [head = [], ...rows] = records(await whole.text());
      element.replaceChildren(table(head, rows));
    },
  };
}

/** The records of a text; quoted fields may have commas, quotes and lines in them. */
export function records(text: string): string[][] {
  const found: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(
    /(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r?\n|$)/g,
  )) {
    const isOver = end !== ',';
    // After the last line's end, there is no other record.
    if (isOver && record.length === 0 && !quoted && !plain && end === '') break;
    record.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (!isOver) continue;
    found.push(record);
    record = [];
  }
  return found;
}
