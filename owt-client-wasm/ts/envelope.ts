/** Envelopes: what one call says to the server. */

import type { Envelope } from '../core/core.js';
import { withCore } from './core.js';
import { OwtError } from './error.js';
import { kwargsText } from './kwargs.js';

/** How a call is made, besides its adaptor and arguments. */
export interface Fields {
  /** The function to call, instead of `run`. */
  fnName?: string | undefined;
  /** Whether the result is kept, and given again for the same path, code and function. */
  useCache?: boolean | undefined;
  /** Whether a result is kept for each set of arguments. */
  cacheKwargs?: boolean | undefined;
  /** The key under which the result is kept, whatever is called. */
  cacheKeyOverride?: string | undefined;
  /** Seconds that the call may run. */
  timeout?: number | undefined;
  /** Whether to load the adaptor anew. */
  reload?: boolean | undefined;
}

/** Builds an envelope for as long as it takes to write it down. */
export function withEnvelope<T>(
  source: string,
  kwargs: object | null | undefined,
  fields: Fields,
  write: (envelope: Envelope) => T,
): T {
  const text = kwargsText(kwargs);
  checkTimeout(fields.timeout);
  return withCore((core) => {
    const envelope = new core.Envelope(source);
    try {
      fill(envelope, text, fields);
      return write(envelope);
    } finally {
      envelope.free();
    }
  });
}

function fill(envelope: Envelope, kwargs: string | undefined, fields: Fields): void {
  if (kwargs !== undefined) envelope.kwargs = kwargs;
  if (fields.fnName !== undefined) envelope.fnName = fields.fnName;
  if (fields.useCache) envelope.useCache = true;
  if (fields.cacheKwargs) envelope.cacheKwargs = true;
  if (fields.cacheKeyOverride !== undefined) envelope.cacheKeyOverride = fields.cacheKeyOverride;
  if (fields.timeout !== undefined) envelope.timeout = fields.timeout;
  if (fields.reload) envelope.reload = true;
}

function checkTimeout(seconds: number | undefined): void {
  if (seconds === undefined || (seconds > 0 && seconds < Number.MAX_SAFE_INTEGER)) return;
  throw new OwtError('field-invalid', 'timeout takes a positive number of seconds');
}
