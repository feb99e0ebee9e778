/** One call at a time: it is run, and can be stopped. */

export interface Run {
  /** Makes the call, and shows its answer. */
  call: (signal: AbortSignal) => Promise<void>;
  onFail: (err: unknown) => void;
  onEnd: (how: 'done' | 'failed' | 'stopped') => void;
}

export class Runner {
  #current: AbortController | undefined;
  readonly #onState: (isRunning: boolean) => void;

  constructor(onState: (isRunning: boolean) => void) {
    this.#onState = onState;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Runs a call. One that is running already is stopped first. */
  async run({ call, onFail, onEnd }: Run): Promise<void> {
    this.stop();
    const own = new AbortController();
    this.#current = own;
    this.#onState(true);
    try {
      await call(own.signal);
      if (this.#current === own) onEnd('done');
    } catch (err) {
      // Another call has taken its place.
      if (this.#current !== own && this.#current !== undefined) return;
      if (!own.signal.aborted) onFail(err);
      onEnd(own.signal.aborted ? 'stopped' : 'failed');
    } finally {
      if (this.#current === own) {
        this.#current = undefined;
        this.#onState(false);
      }
    }
  }

  stop(): void {
    this.#current?.abort();
  }
}
