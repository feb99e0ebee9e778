/** Envelopes: code, arguments and options of one call. */

import type { Envelope } from '../core/core.js';
import { withCore } from './core.js';
import { OwtError } from './error.js';
import { type Fields, NAMES } from './fields.js';
import { kwargsText } from './kwargs.js';

/** Builds an envelope, and frees it once it is written. */
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
  for (const key of Object.keys(NAMES) as (keyof Fields)[]) {
    const [name, value] = [NAMES[key], fields[key]];
    if (typeof value === 'string') envelope.setText(name, value);
    else if (typeof value === 'number') envelope.setSeconds(name, value);
    else if (value) envelope.setFlag(name, true);
  }
}

function checkTimeout(seconds: number | undefined): void {
  if (seconds === undefined || (seconds > 0 && seconds < Number.MAX_SAFE_INTEGER)) return;
  throw new OwtError('field-invalid', 'timeout takes a positive number of seconds');
}
