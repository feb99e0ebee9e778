/** Calls that go on without their client, and what becomes of them. */

import { checked } from './answer.js';
import { OwtError } from './error.js';
import { Follower, type Progress } from './progress.js';

/** @internal Sends a request to a path under `/_owt/`. */
export type Ask = (method: string, path: string, signal?: AbortSignal) => Promise<Response>;

/** How far a job has come. */
export interface JobStatus {
  id: string;
  /** Whether it runs, or how it has ended. */
  state: 'running' | 'done' | 'failed' | 'cancelled';
  /** The SHA-256 of its code. */
  digest: string;
  method: string;
  path: string;
  /** How many seconds ago it was submitted. */
  age: number;
  /** What its code reports, while it runs. */
  progress?: Progress;
  /** How many seconds ago it ended. */
  ended?: number;
  /** The HTTP status of its reply, or of the error. */
  status?: number;
  /** How many bytes its reply has. */
  bytes?: number;
}

/** How a job is waited for. */
export interface ResultOptions {
  /** Ends the waiting, and not the job. */
  signal?: AbortSignal | undefined;
  /** Is told how far the job has come. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** How many seconds one request waits: browsers and proxies give up those that take minutes. */
const WAIT = 50;

/** A call that runs, or has run, without its client. `Owt.submit` makes one. */
export class Job {
  readonly #ask: Ask;

  /** @internal */
  constructor(
    /** By which the server knows it. */
    readonly id: string,
    ask: Ask,
  ) {
    // With others, a URL leads elsewhere, and may run what somebody has put into a link.
    if (!/^(?!\.\.?$)[\w.~-]+$/.test(id)) throw new OwtError('job-unknown', 'No job has this id');
    this.#ask = ask;
  }

  /**
   * Waits for its end, and gives the adaptor's answer, as `Owt.call` would have.
   *
   * @throws OwtError as `Owt.call` does; `job-lost` if the server was started anew
   */
  async result({ signal, onProgress }: ResultOptions = {}): Promise<Response> {
    const follower =
      onProgress &&
      new Follower((signal) => this.#ask('GET', `calls/${this.id}/events`, signal), onProgress);
    try {
      for (;;) {
        const response = await checked(this.#ask('GET', `jobs/${this.id}?wait=${WAIT}`, signal));
        if (response.headers.get('owt-job-state') !== 'running') return response;
        await response.body?.cancel();
      }
    } finally {
      follower?.stop();
    }
  }

  /** How far it has come. */
  async status(): Promise<JobStatus> {
    return (await checked(this.#ask('GET', `jobs/${this.id}/status`))).json() as Promise<JobStatus>;
  }

  /** Cancels its call, or has its answer dropped. */
  async cancel(): Promise<void> {
    await checked(this.#ask('DELETE', `jobs/${this.id}`));
  }
}

/** @internal The job that an answer is about. */
export function jobOf(response: Response, ask: Ask): Job {
  const id = response.headers.get('owt-job');
  if (id === null) throw new OwtError('no-job', 'This server takes no jobs', { response });
  return new Job(id, ask);
}
