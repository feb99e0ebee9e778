/** The progress of a call, followed beside the call itself. */

import { chunks, decoded } from './answer.js';
import { parsed } from './events.js';

/** How far a call has come. */
export interface Progress {
  /** How much is done, in whatever the adaptor counts. */
  done: number;
  /** How much there is to do, where that is known. */
  total: number | null;
  /** What is being done. */
  text: string | null;
}

/** A call that is answered sooner is not followed. */
const FIRST_PAUSE = 50;

/** The longest pause before the server is asked again for a call that does not run yet. */
const MAX_PAUSE = 1000;

/** @internal An id that nobody guesses: who knows it may cancel the call. */
export function makeId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Tells what a call reports, until it is over. Only the call itself says what becomes of it, so
 * nothing that fails here is an error.
 *
 * @internal
 */
export class Follower {
  readonly #stop = new AbortController();
  #isAnswered = false;

  /** `ask` asks the server for the events of the call, which may have to be sent yet. */
  constructor(ask: (signal: AbortSignal) => Promise<Response>, tell: (progress: Progress) => void) {
    void this.#follow(ask, tell).catch(() => undefined);
  }

  /** The call is answered: if the server does not know it any more, it is over. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** The call has failed. */
  stop(): void {
    this.#stop.abort();
  }

  async #follow(
    ask: (signal: AbortSignal) => Promise<Response>,
    tell: (progress: Progress) => void,
  ): Promise<void> {
    const { signal } = this.#stop;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, MAX_PAUSE)) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (signal.aborted) return;
      const response = await ask(signal);
      if (response.ok) return tellAll(response, tell, signal);
      await response.body?.cancel();
      if (this.#isAnswered || response.headers.get('owt-error') !== 'call-unknown') return;
    }
  }
}

async function tellAll(
  response: Response,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const { event, data } of parsed(decoded(chunks(response, signal)))) {
    if (event !== 'progress') return;
    const progress = JSON.parse(data) as Progress;
    // What fails there is no error of this loop.
    queueMicrotask(() => tell(progress));
  }
}
