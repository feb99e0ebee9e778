/** The client: one server, and the sources that were sent to it. */

import type { Envelope } from '../core/core.js';
import { type Adaptor, nameField, read } from './adaptor.js';
import { checked, chunks, decoded, type OwtEvent, serverError, requireSuccess } from './answer.js';
import { withCore } from './core.js';
import { withEnvelope } from './envelope.js';
import { OwtError } from './error.js';
import type { Fields } from './fields.js';
import { parsed, requireEvents } from './events.js';
import { type Ask, Job, type JobStatus, jobOf } from './job.js';
import { askedSpace, refusal } from './local-network.js';
import { Follower, makeId, type Progress } from './progress.js';

/** Who calls: `'user:password'`, or both by name. */
export type Auth = string | { user: string; password: string };

/** Settings of a client. */
export interface OwtOptions {
  /** Who calls, for servers with `--auth`. */
  auth?: Auth | undefined;
  /** Headers of every call. */
  headers?: HeadersInit | undefined;
  /** What to use instead of the global `fetch`. */
  fetch?: typeof fetch | undefined;
}

/** Settings of one call. */
export interface CallOptions extends Fields {
  /** Ends the call on the server as well, when it is aborted. */
  signal?: AbortSignal | undefined;
  /** The method that the adaptor sees: by default `POST`. */
  method?: string | undefined;
  /** Headers that the adaptor sees. */
  headers?: HeadersInit | undefined;
  /** Is told how far the call has come, a few times a second, while it runs. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** A body for the adaptor. Code and arguments are in the URL then. */
  body?: BodyInit | null | undefined;
}

/** Settings of a call whose answer is read as it comes. */
export interface StreamOptions<As extends 'bytes' | 'text'> extends CallOptions {
  /** Whether chunks are bytes, as by default, or text. */
  as?: As;
}

/** Settings of one call, and the field that names its file. */
interface Named extends CallOptions {
  name: string;
}

/** A request, the digest of the source that it runs, and whether that goes in its place. */
interface Sent {
  digest: string;
  isByDigest: boolean;
  url: string;
  init: RequestInit;
}

const REQUEST_ID = 'owt-request-id';

const FORM = 'application/x-www-form-urlencoded';

/**
 * A client of one server.
 *
 * An adaptor's source is sent once; later calls send its digest. If the server has forgotten it, it
 * is sent again, and the caller does not notice.
 *
 * @example
 * const owt = new Owt('http://localhost:9876');
 * const reply = await owt.call('adaptor.py', { prompt: 'hello' });
 * console.log(await reply.text());
 */
export class Owt {
  readonly #url: string;
  readonly #headers: Headers;
  readonly #fetch: typeof fetch;
  /** Digests of the sources that the server has. */
  readonly #sentSources = new Set<string>();

  /**
   * @param base the server, such as `http://localhost:9876/path`
   * @throws OwtError if the base is no HTTP URL, or `auth` has no password
   */
  constructor(base: string, options: OwtOptions = {}) {
    const url = new URL(withCore((core) => core.absolute(base)));
    this.#headers = new Headers(options.headers);
    const auth = options.auth ?? credentials(url);
    if (auth !== undefined) this.#headers.set('authorization', basic(auth));
    // `fetch` takes no URL that has these.
    url.username = url.password = '';
    this.#url = url.href;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /**
   * Runs an adaptor, and gives its answer once that begins.
   *
   * An adaptor's own answer is no error, whatever its status.
   *
   * @throws OwtError if owt itself answers, or nobody does; the signal's reason if that is aborted
   */
  async call(
    adaptor: Adaptor,
    kwargs?: object | null,
    options: CallOptions = {},
  ): Promise<Response> {
    const { onProgress, ...rest } = options;
    if (onProgress !== undefined) return this.#followed(adaptor, kwargs, rest, onProgress);
    options.signal?.throwIfAborted();
    const source = await read(adaptor, options.signal);
    const request = this.#request(source, kwargs, { ...options, name: nameField(adaptor) });
    const response = await this.#send(request, options.signal);
    const err = await serverError(response);
    if (err === undefined) {
      this.#learn(request, response);
      return response;
    }
    if (err.code !== 'code-unknown' || !request.isByDigest) throw err;
    // Another call may have noticed before this one.
    this.#sentSources.delete(request.digest);
    return this.call(adaptor, kwargs, options);
  }

  /**
   * Runs an adaptor, and gives its answer chunk by chunk. Leaving the loop ends the call.
   *
   * @throws OwtError as `call` does, and if the adaptor's status is no success
   */
  stream(
    adaptor: Adaptor,
    kwargs: object | null | undefined,
    options: StreamOptions<'text'> & { as: 'text' },
  ): AsyncGenerator<string, void, undefined>;
  stream(
    adaptor: Adaptor,
    kwargs?: object | null,
    options?: StreamOptions<'bytes'>,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
  stream(
    adaptor: Adaptor,
    kwargs?: object | null,
    { as = 'bytes', ...options }: StreamOptions<'bytes' | 'text'> = {},
  ): AsyncGenerator<string | Uint8Array<ArrayBuffer>, void, undefined> {
    const bytes = this.#chunks(adaptor, kwargs, options);
    return as === 'text' ? decoded(bytes) : bytes;
  }

  /**
   * Runs an adaptor that answers with server-sent events. Leaving the loop ends the call.
   *
   * Unlike `EventSource`, it does not call again by itself when the answer ends.
   *
   * @throws OwtError as `stream` does, and if the answer is no `text/event-stream`
   */
  events(
    adaptor: Adaptor,
    kwargs?: object | null,
    options: CallOptions = {},
  ): AsyncGenerator<OwtEvent, void, undefined> {
    return parsed(decoded(this.#chunks(adaptor, kwargs, options, requireEvents)));
  }

  /**
   * Has the server run an adaptor without this client: its answer is kept there until somebody asks for it,
   * or it is too old.
   *
   * @throws OwtError if owt does not take it, or nobody answers
   */
  async submit(
    adaptor: Adaptor,
    kwargs?: object | null,
    options: Omit<CallOptions, 'onProgress'> = {},
  ): Promise<Job> {
    const headers = new Headers(options.headers);
    headers.set('prefer', 'respond-async');
    return jobOf(await this.call(adaptor, kwargs, { ...options, headers }), this.#ask);
  }

  /** The job with this id. */
  job(id: string): Job {
    return new Job(id, this.#ask);
  }

  /** All jobs of the server, the oldest first. */
  async jobs(): Promise<JobStatus[]> {
    return (await checked(this.#ask('GET', 'jobs'))).json() as Promise<JobStatus[]>;
  }

  /** Runs an adaptor, and follows the call under an id that is its own. */
  async #followed(
    adaptor: Adaptor,
    kwargs: object | null | undefined,
    options: CallOptions,
    onProgress: (progress: Progress) => void,
  ): Promise<Response> {
    const headers = new Headers(options.headers);
    const id = headers.get(REQUEST_ID) ?? makeId();
    headers.set(REQUEST_ID, id);
    const ask = (signal: AbortSignal) => this.#ask('GET', `calls/${id}/events`, signal);
    const follower = new Follower(ask, onProgress);
    try {
      const response = await this.call(adaptor, kwargs, { ...options, headers });
      follower.answered();
      return response;
    } catch (err) {
      follower.stop();
      throw err;
    }
  }

  /** Sends a request to a path under `/_owt/`. */
  readonly #ask: Ask = (method, path, signal) => {
    const url = new URL(`/_owt/${path}`, this.#url).href;
    const init = { method, headers: this.#headers, signal: signal ?? null };
    return this.#send({ url, init }, signal);
  };

  async *#chunks(
    adaptor: Adaptor,
    kwargs: object | null | undefined,
    options: CallOptions,
    check?: (response: Response) => void,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const response = await this.call(adaptor, kwargs, options);
    requireSuccess(response);
    check?.(response);
    yield* chunks(response, options.signal);
  }

  async #send(
    { url, init }: Pick<Sent, 'url' | 'init'>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const space = askedSpace(new URL(url).hostname);
    try {
      return await this.#fetch(url, space ? withSpace(init, space) : init);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const reason = space && (await refusal(space));
      throw reason ? notPermitted(this.#url, reason, cause) : unreachable(this.#url, cause);
    }
  }

  /** Remembers that the server has the source now. */
  #learn({ digest }: Sent, response: Response): void {
    if (response.headers.get('owt-code-sha256') === digest) this.#sentSources.add(digest);
  }

  #request(source: string, kwargs: object | null | undefined, options: Named): Sent {
    return withEnvelope(source, kwargs, options, (envelope) => {
      const { digest } = envelope;
      // A stream can be sent only once, so the server must not ask for the source.
      const isOnce = options.body instanceof ReadableStream;
      const isByDigest = this.#sentSources.has(digest) && !isOnce;
      if (isByDigest) envelope.replaceSourceByDigest();
      return { digest, isByDigest, ...this.#place(envelope, options, isOnce) };
    });
  }

  /** Puts the envelope into the body if that is free, and else into the URL. */
  #place(envelope: Envelope, options: Named, isOnce: boolean): Pick<Sent, 'url' | 'init'> {
    const { method = 'POST', body = null, signal = null, name } = options;
    const headers = new Headers(this.#headers);
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    if (body === null && method === 'POST') {
      headers.set('content-type', FORM);
      return { url: this.#url, init: { method, headers, signal, body: envelope.toForm() + name } };
    }
    // A stream goes out while the answer may come in already.
    const duplex = isOnce ? { duplex: 'half' } : {};
    const url = envelope.toUrl(this.#url) + name;
    return { url, init: { method, headers, signal, body, ...duplex } };
  }
}

/** Credentials in a URL are percent-encoded. */
function credentials(url: URL): Auth | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { user: unescaped(url.username), password: unescaped(url.password) };
}

/** Text without its percent-encoding, or as it stands if it is none. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** HTTP Basic (RFC 7617), in UTF-8. */
function basic(auth: Auth): string {
  const pair = typeof auth === 'string' ? auth : `${auth.user}:${auth.password}`;
  if (!pair.includes(':')) throw new OwtError('auth-invalid', "auth takes 'user:password'");
  return `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`;
}

/** Says where the server is, for browsers that ask before a page may reach it. */
function withSpace(init: RequestInit, targetAddressSpace: string): RequestInit {
  return { ...init, targetAddressSpace } as RequestInit;
}

function notPermitted(url: string, reason: string, cause: unknown): OwtError {
  const message = `The browser does not let this page reach ${new URL(url).origin} ${reason}`;
  return new OwtError('not-permitted', message, { cause });
}

/** A browser does not say why there is no answer: the server may be down, or refuse this page. */
function unreachable(url: string, cause: unknown): OwtError {
  const { origin } = new URL(url);
  const page = (globalThis as { location?: Location }).location?.origin;
  const isElsewhere = page !== undefined && page !== origin;
  const hint = isElsewhere ? `, or allow this page: owt serve --allow-origin ${page}` : '';
  return new OwtError(
    'unreachable',
    `No owt answers at ${origin}. Start it with owt serve${hint}`,
    { cause },
  );
}
