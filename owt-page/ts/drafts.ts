/** The drafts of this browser: they are there again when the page is opened the next time. */

import { type Draft, draft } from './draft.js';
import { EMPTY, EXAMPLES, FIRST } from './examples.js';

const KEY = 'owt-page';

interface Kept {
  drafts: Draft[];
  current: number;
}

export class Drafts {
  #drafts: Draft[];
  #current: number;
  #closed: Draft | undefined;

  constructor() {
    const { drafts, current } = kept();
    this.#drafts = drafts;
    this.#current = drafts[current] === undefined ? 0 : current;
  }

  get all(): readonly Draft[] {
    return this.#drafts;
  }

  get index(): number {
    return this.#current;
  }

  get current(): Draft {
    return this.#drafts[this.#current] ?? FIRST;
  }

  /** Changes the current one. */
  change(change: Partial<Draft>): void {
    this.#drafts[this.#current] = { ...this.current, ...change };
    this.#keep();
  }

  open(index: number): void {
    this.#current = index;
    this.#keep();
  }

  /** Opens another one: a copy of the given one, or an empty one. */
  add(from: Draft = draft('new.py', EMPTY)): void {
    this.#drafts.push({ ...from, name: this.#freeName(from.name) });
    this.open(this.#drafts.length - 1);
  }

  /** Opens an example, in the place of one that nobody has changed. */
  addExample(example: Draft): void {
    const { source, entered } = this.current;
    const isUntouched = [...EXAMPLES.values()].some((known) => known.source === source);
    if (!isUntouched || Object.keys(entered).length > 0) return this.add(example);
    this.#drafts.splice(this.#current, 1);
    this.add(example);
  }

  /** Closes one. There is always one left. */
  close(index: number): void {
    this.#closed = this.#drafts.splice(index, 1)[0];
    if (this.#drafts.length === 0) this.#drafts.push(FIRST);
    const before = this.#current - (index < this.#current ? 1 : 0);
    this.open(Math.min(before, this.#drafts.length - 1));
  }

  /** What was closed last, until it is opened again. */
  get closed(): Draft | undefined {
    return this.#closed;
  }

  reopen(): void {
    if (this.#closed !== undefined) this.add(this.#closed);
    this.#closed = undefined;
  }

  #freeName(name: string): string {
    const stem = name.replace(/\.py$/, '');
    const taken = new Set(this.#drafts.map((draft) => draft.name));
    let free = name;
    for (let number = 2; taken.has(free); number += 1) free = `${stem}-${number}.py`;
    return free;
  }

  #keep(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ drafts: this.#drafts, current: this.#current }));
    } catch {
      // A browser that keeps nothing, or has no room, can still be written in.
    }
  }
}

function kept(): Kept {
  try {
    const { drafts, current } = JSON.parse(localStorage.getItem(KEY) ?? '') as Kept;
    const known = drafts.map((kept) => draft(String(kept.name), String(kept.source), kept));
    if (known.length > 0) return { drafts: known, current };
  } catch {
    // There is nothing, or nothing that can be read.
  }
  return { drafts: [FIRST], current: 0 };
}
