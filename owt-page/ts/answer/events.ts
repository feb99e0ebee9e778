/** Server-sent events, one below the other as they come. */

import { createParser } from 'eventsource-parser';
import { make } from '../dom.js';
import { follow } from './follow.js';
import type { Viewer } from './viewer.js';

/** How many are shown. Of more, those are the last. */
const MAX_SHOWN = 1000;

export function eventsView(): Viewer {
  const element = make('ol', { class: 'events', tabindex: '0', 'aria-label': 'Events' });
  const decoder = new TextDecoder();
  const parser = createParser({
    onEvent: ({ event, data, id }) => {
      const name = [event ?? 'message', id].filter((part) => part !== undefined).join(' · ');
      element.append(make('li', {}, make('span', { class: 'type' }, name), make('pre', {}, data)));
      if (element.childElementCount > MAX_SHOWN) element.firstElementChild?.remove();
    },
  });
  return {
    element,
    feed: (bytes) => follow(element, () => parser.feed(decoder.decode(bytes, { stream: true }))),
    end: () => undefined,
  };
}
