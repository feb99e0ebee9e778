/**
 * HTML of the adaptor, in a frame that is no page of this server: its origin is opaque, so that it reads
 * nothing of this page and may not call owt, and its policy lets it load nothing and lead nowhere.
 */

import { urlOf } from '../address.js';
import { make } from '../dom.js';
import type { Viewer } from './viewer.js';

/** The empty document that what is sent to it is written into. */
const DOCUMENT = '/_owt/page/frame';

export function frameView(): Viewer {
  const frame = make('iframe', {
    class: 'html',
    title: 'Page that the adaptor answered',
    sandbox: 'allow-scripts',
    src: urlOf(DOCUMENT),
    referrerpolicy: 'no-referrer',
  });
  const loaded = new Promise<void>((resolve) =>
    frame.addEventListener('load', () => resolve(), { once: true }),
  );
  const decoder = new TextDecoder();
  // Its origin is opaque, so there is none to name. It gets nothing but what the adaptor has answered.
  const send = (text: string | null) =>
    void loaded.then(() => frame.contentWindow?.postMessage(text, '*'));
  return {
    element: frame,
    feed: (bytes) => send(decoder.decode(bytes, { stream: true })),
    end: () => {
      send(decoder.decode());
      send(null);
    },
  };
}
