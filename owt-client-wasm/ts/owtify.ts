/** The URL that makes a call. */

import { type Adaptor, readNow } from './adaptor.js';
import { withEnvelope } from './envelope.js';
import type { Fields } from './fields.js';

/**
 * Builds the URL that runs an adaptor with these arguments.
 *
 * It is built at once, with nothing to wait for or to set up. An adaptor that is named as a file is
 * read at once, too: in a page that holds everything up, and in a service worker it cannot be done.
 *
 * @param base the server, such as `http://localhost:9876/path`
 * @param adaptor Python source, or the name of its file (see {@link Adaptor})
 * @param kwargs the arguments by their names
 * @throws OwtError if the adaptor cannot be read, an argument cannot be sent, the base is no HTTP
 * URL, or the URL is longer than a server takes
 *
 * @example
 * const url = owtify('http://localhost:9876', 'adaptor.py', { prompt: 'output SOTA results' });
 * const response = await fetch(url);
 */
export function owtify(
  base: string,
  adaptor: Adaptor,
  kwargs?: object | null,
  options: Fields = {},
): string {
  const source = readNow(adaptor);
  return withEnvelope(source, kwargs, options, (envelope) => envelope.toUrl(base));
}
