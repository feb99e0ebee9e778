/** Which viewer shows which answer. */

import { type View, viewOf } from '../media-type.js';
import { csvView } from './csv.js';
import { eventsView } from './events.js';
import { fileView } from './file.js';
import { frameView } from './frame.js';
import { jsonView } from './json.js';
import { filmView, pictureView, soundView } from './media.js';
import { textView } from './text.js';
import type { Viewer } from './viewer.js';

const VIEWERS: Record<View, () => Viewer> = {
  csv: csvView,
  events: eventsView,
  file: fileView,
  film: filmView,
  frame: frameView,
  json: jsonView,
  picture: pictureView,
  sound: soundView,
  text: textView,
};

export function viewer(response: Response): Viewer {
  return VIEWERS[viewOf(response.headers.get('content-type'))]();
}
