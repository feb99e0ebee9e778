/** Text, as it comes. */

import { make } from '../dom.js';
import { follow } from './follow.js';
import type { Viewer } from './viewer.js';

/** How many characters are shown. Of a longer text, that is its end. */
const MAX_SHOWN = 1_000_000;

export function textView(): Viewer {
  const element = make('pre', { class: 'text', tabindex: '0', 'aria-label': 'Text of the answer' });
  const decoder = new TextDecoder();
  let shown = 0;

  const add = (text: string) => {
    if (text === '') return;
    element.append(text);
    shown += text.length;
    while (shown > MAX_SHOWN && element.childNodes.length > 1) {
      shown -= element.firstChild?.textContent?.length ?? 0;
      element.firstChild?.remove();
    }
  };
  return {
    element,
    feed: (bytes) => follow(element, () => add(decoder.decode(bytes, { stream: true }))),
    end: () => {
      add(decoder.decode());
      if (shown === 0) element.replaceWith(make('p', { class: 'empty' }, 'The answer is empty.'));
    },
  };
}
