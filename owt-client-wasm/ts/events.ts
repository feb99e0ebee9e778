/** Server-sent events, as the HTML standard defines them. */

import { createParser } from 'eventsource-parser';
import type { OwtEvent } from './answer.js';
import { OwtError } from './error.js';

/** Checks that an answer is a stream of events. */
export function requireEvents(response: Response): void {
  const mediaType = response.headers.get('content-type') ?? 'nothing';
  if (mediaType.startsWith('text/event-stream')) return;
  void response.body?.cancel();
  throw new OwtError(
    'not-events',
    `The adaptor answered with ${mediaType}, not with text/event-stream: give its reply that Content-Type`,
    { response },
  );
}

/** The events in a text that comes piece by piece. An event without its blank line is dropped. */
export async function* parsed(
  text: AsyncIterable<string>,
): AsyncGenerator<OwtEvent, void, undefined> {
  const waiting: OwtEvent[] = [];
  const parser = createParser({
    onEvent: ({ event, data, id }) => waiting.push({ event: event ?? 'message', data, id }),
  });
  for await (const piece of text) {
    parser.feed(piece);
    yield* waiting.splice(0);
  }
}
