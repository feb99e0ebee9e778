/** Answers: owt's own errors, and an adaptor's body in chunks. */

import { OwtError } from './error.js';

/** A server-sent event. */
export interface OwtEvent {
  /** Its type: `message`, unless the adaptor says otherwise. */
  event: string;
  /** Its data, which may have several lines. */
  data: string;
  /** Its id, if it has one. */
  id: string | undefined;
}

/** @internal The error of an answer that is owt's own and not the adaptor's. */
export async function serverError(response: Response): Promise<OwtError | undefined> {
  const code = response.headers.get('owt-error');
  if (code === null) return undefined;
  const text = await response.text().catch(() => '');
  return new OwtError(code, message(response, text) || `owt answered ${code}`, { response });
}

function message(response: Response, text: string): string {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  // The answer to a HEAD, or one that broke off, is empty.
  return isProblem && text !== ''
    ? String((JSON.parse(text) as { detail?: unknown }).detail)
    : text.trimEnd();
}

/** @internal An answer that is none of owt's own errors, which are thrown. */
export async function checked(asked: Promise<Response>): Promise<Response> {
  const response = await asked;
  const err = await serverError(response);
  if (err !== undefined) throw err;
  return response;
}

/** @internal Throws unless the answer's status is a success. */
export function requireSuccess(response: Response): void {
  if (response.ok) return;
  void response.body?.cancel();
  throw new OwtError('answer-status', `The adaptor answered with status ${response.status}`, {
    response,
  });
}

/** @internal The chunks of a body as they arrive. To stop reading ends the call. */
export async function* chunks(
  response: Response,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw signal?.aborted
      ? signal.reason
      : new OwtError('answer-broken', 'The answer broke off', { response, cause });
  } finally {
    // This does nothing to an answer that has ended, and an error no longer matters.
    await reader.cancel().catch(() => undefined);
  }
}

/** @internal Decodes chunks of UTF-8, whose characters may be split between chunks. */
export async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true });
    if (text !== '') yield text;
  }
  const rest = decoder.decode();
  if (rest !== '') yield rest;
}
