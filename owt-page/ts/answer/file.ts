/** What is not shown, but can be kept. */

import { make } from '../dom.js';
import type { Viewer } from './viewer.js';

export function fileView(): Viewer {
  const element = make('p', { class: 'empty' }, 'It is on its way.');
  return {
    element,
    end: () => {
      element.textContent = 'This is no text. Download it below.';
    },
  };
}
