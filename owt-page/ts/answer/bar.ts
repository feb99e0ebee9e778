/** The small bar over an answer: its status, size and time, where the time went, and its headers. */

import { make } from '../dom.js';
import { bytes, seconds } from '../size.js';

/** A part of the time, from `Server-Timing`. */
export interface Part {
  name: string;
  duration: number;
}

/** What `Server-Timing` says, in seconds. */
export function parts(header: string | null): Part[] {
  const found = (header ?? '').matchAll(/([\w-]+)\s*;[^,]*?dur=([\d.]+)/g);
  return [...found].map(([, name = '', ms]) => ({ name, duration: Number(ms) / 1000 }));
}

const SAID: Record<string, string> = {
  queue: 'waited for a worker',
  load: 'loading the code',
  run: 'until its answer began',
};

export class Bar {
  readonly element = make('div', { class: 'bar' });
  readonly #size = make('span');
  readonly #time = make('span');

  constructor(response: Response) {
    const { status, headers } = response;
    const isGood = status < 400;
    const type = headers.get('content-type') ?? 'no type';
    const facts = make(
      'div',
      { class: 'facts' },
      make('span', { class: isGood ? 'status good' : 'status bad' }, String(status)),
      make('span', { class: 'media-type' }, type),
      this.#size,
      this.#time,
    );
    this.element.append(facts, ...timing(headers.get('server-timing')), headersOf(headers));
  }

  show(size: number, time: number): void {
    this.#size.textContent = bytes(size);
    this.#time.textContent = seconds(time);
  }
}

function timing(header: string | null): HTMLElement[] {
  const all = parts(header);
  const whole = all.reduce((sum, { duration }) => sum + duration, 0);
  if (whole === 0) return [];
  const stripes = all.map(({ name, duration }) => {
    const stripe = make('span', { class: `stripe ${name}` });
    stripe.style.flexGrow = String(duration / whole);
    return stripe;
  });
  const legend = all.map(({ name, duration }) =>
    make(
      'li',
      { title: SAID[name] },
      make('span', { class: `dot ${name}`, 'aria-hidden': 'true' }),
      `${name} ${seconds(duration)}`,
    ),
  );
  return [
    make('div', { class: 'stripes', 'aria-hidden': 'true' }, ...stripes),
    make('ul', { class: 'legend', 'aria-label': 'Where the time went' }, ...legend),
  ];
}

function headersOf(headers: Headers): HTMLElement {
  const rows = [...headers].flatMap(([name, value]) => [
    make('dt', {}, name),
    make('dd', {}, value),
  ]);
  return make(
    'details',
    { class: 'headers' },
    make('summary', {}, 'Headers'),
    make('dl', {}, ...rows),
  );
}
