/** Why a call gave no answer of the adaptor. */

/** The codes of this package's own errors. */
export type ClientErrorCode =
  | 'adaptor-unreadable'
  | 'answer-broken'
  | 'answer-status'
  | 'auth-invalid'
  | 'base-host'
  | 'base-port'
  | 'base-query'
  | 'base-scheme'
  | 'field-invalid'
  | 'key-invalid'
  | 'kwargs-not-a-map'
  | 'kwargs-unsendable'
  | 'no-job'
  | 'not-events'
  | 'not-permitted'
  | 'unreachable'
  | 'url-too-long'
  | 'wasm-blocked';

/** Details of an error besides its code and message. */
export interface OwtErrorDetails {
  /** The answer that makes it an error. If it is owt's own, its body has been read. */
  response?: Response;
  /** The cause. */
  cause?: unknown;
}

/**
 * An error with a short `code` for programs, and a `message` for people.
 *
 * No message holds a URL's query, since that may be a whole program.
 */
export class OwtError extends Error {
  override readonly name = 'OwtError';
  /** One of the codes above, or the server's own, which it sends as `Owt-Error`. */
  readonly code: ClientErrorCode | (string & {});
  readonly #response: Response | undefined;

  constructor(
    code: ClientErrorCode | (string & {}),
    message: string,
    details: OwtErrorDetails = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.#response = details.response;
  }

  /** The answer, if there was one. No property of its own, so that Node does not print it with the error. */
  get response(): Response | undefined {
    return this.#response;
  }

  /** The HTTP status of the answer, if there was one. */
  get status(): number | undefined {
    return this.#response?.status;
  }
}
