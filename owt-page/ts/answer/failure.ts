/** Why there is no answer: what owt says, and where in the code. */

import { OwtError } from 'owt-client';
import { button, make } from '../dom.js';
import type { Mark } from '../editor/editor.js';
import { Bar } from './bar.js';

/** The error's last line of the adaptor, by its traceback: files of other modules have a path. */
export function markOf(message: string): Mark | undefined {
  const places = [...message.matchAll(/File "[^"/\\]+", line (\d+)/g)];
  const last = places.at(-1);
  if (last === undefined) return undefined;
  const after = message.slice(last.index).split('\n');
  const says = after.find((line, index) => index > 0 && /^\w[\w.]*(:|$)/.test(line));
  return { line: Number(last[1]), message: says ?? message.split('\n')[0] ?? '' };
}

export function failure(err: unknown, goTo: (line: number) => void): HTMLElement {
  const message = err instanceof Error ? err.message : String(err);
  const [first = '', ...rest] = message.split('\n');
  const mark = markOf(message);
  const element = make(
    'div',
    { class: 'failure', role: 'alert' },
    make('p', { class: 'what' }, first),
  );
  if (mark !== undefined) {
    element.append(button(`Go to line ${mark.line}`, { class: 'quiet' }, () => goTo(mark.line)));
  }
  const more = rest.join('\n').replace(/^\n+/, '');
  if (more !== '') {
    const label = { class: 'text', tabindex: '0', 'aria-label': 'More about the error' };
    element.append(make('pre', label, more));
  }
  if (err instanceof OwtError)
    element.append(
      make('p', { class: 'hint' }, 'owt calls this ', make('code', {}, err.code), '.'),
    );
  if (err instanceof OwtError && err.response) element.append(new Bar(err.response).element);
  return element;
}
