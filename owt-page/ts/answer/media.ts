/** Pictures, sound and films, once all of them is there. */

import { make } from '../dom.js';
import { urlOfBlob } from './object-urls.js';
import type { Viewer } from './viewer.js';

/** What cannot be shown says so: a picture may be broken, or of a kind that this browser does not know. */
function media<E extends HTMLElement & { src: string }>(element: E, className: string): Viewer {
  const frame = make('div', { class: className });
  element.addEventListener('error', () => {
    frame.replaceChildren(
      make('p', { class: 'empty' }, 'This browser cannot show it. Download it instead.'),
    );
  });
  return {
    element: frame,
    end: (whole) => {
      element.src = urlOfBlob(whole);
      frame.replaceChildren(element);
    },
  };
}

export function pictureView(): Viewer {
  return media(make('img', { alt: 'Picture that the adaptor answered' }), 'picture');
}

export function soundView(): Viewer {
  return media(make('audio', { controls: true, 'aria-label': 'Sound of the answer' }), 'sound');
}

export function filmView(): Viewer {
  return media(make('video', { controls: true, 'aria-label': 'Film of the answer' }), 'picture');
}
