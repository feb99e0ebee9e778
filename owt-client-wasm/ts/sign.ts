/**
 * Signed URLs, for programs alone: a key that is in a page is in the hands of everybody who opens it,
 * and with the key they can sign any code. So this file is exported to Node only, and needs a module
 * of Node's that no browser has.
 */

import { createHash, createHmac } from 'node:crypto';
import { type Adaptor, type Fields, OwtError, owtify } from './index.js';

/** How a URL is signed, and how its call is made. */
export interface SignOptions extends Fields {
  /** The text of the server's key file (`--url-key`). Its first key signs. */
  urlKey: string;
  /** Until when the URL may be used. */
  expires: Date;
}

const PURPOSE = 'owt signed url v1';
const MIN_KEY = 32;
const MAX_URL = 64_000;

/**
 * Builds the URL that runs an adaptor with these arguments, signed: whoever has it may make that one
 * call until it expires, without credentials and from any page.
 *
 * @throws OwtError as `owtify` does, and if there is no key or the base has a query
 *
 * @example
 * const urlKey = readFileSync('url.key', 'utf8');
 * const expires = new Date(Date.now() + 3_600_000);
 * const url = owtifySigned('https://host', 'say.py', { text: 'hello' }, { urlKey, expires });
 */
export function owtifySigned(
  base: string,
  adaptor: Adaptor,
  kwargs: object | null | undefined,
  { urlKey, expires, ...fields }: SignOptions,
): string {
  const key = newest(urlKey);
  const until = unixSeconds(expires);
  const url = owtify(base, adaptor, kwargs, fields);
  const [, path = '', query = ''] = /^https?:\/\/[^/]*([^?]*)\?(.*)$/s.exec(url) ?? [];
  const message = Buffer.concat(
    [PURPOSE, 'GET', path, until, ...texts(query)].flatMap((text) => netstring(text)),
  );
  const signature = createHmac('sha256', key).update(message).digest('hex');
  const signed = `owt_signature=v1.${until}.${signature}`;
  if (`${path}?${query}&${signed}`.length > MAX_URL) {
    throw new OwtError(
      'url-too-long',
      `the URL is longer than the ${MAX_URL} bytes that a server takes; send the call with POST instead`,
    );
  }
  return `${url}&${signed}`;
}

/** The names and values of a call's fields, by name: code by its digest, arguments decoded. */
function texts(query: string): (string | Bytes)[] {
  const pairs = [...new URLSearchParams(query)];
  const fields = new Map<string, string | Bytes>(pairs);
  if (pairs[0]?.[0] !== 'code_b64' || fields.size !== pairs.length) {
    throw new OwtError(
      'base-query',
      'the base URL has a query, and a signed URL has only the fields of its call',
    );
  }
  fields.set('code_sha256', createHash('sha256').update(decoded(fields, 'code_b64')).digest('hex'));
  fields.delete('code_b64');
  if (fields.has('kwargs_b64')) fields.set('kwargs_b64', decoded(fields, 'kwargs_b64'));
  return [...fields].sort(([one], [other]) => (one < other ? -1 : 1)).flat();
}

function decoded(fields: Map<string, string | Bytes>, name: string): Bytes {
  return Buffer.from(String(fields.get(name)), 'base64url');
}

function netstring(text: string | Bytes): Bytes[] {
  const bytes = Buffer.from(text);
  return [Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')];
}

function unixSeconds(time: Date): string {
  const seconds = Math.floor(time.getTime() / 1000);
  if (Number.isNaN(seconds)) throw new OwtError('field-invalid', 'expires takes a Date');
  return String(Math.max(seconds, 0));
}

/** The first key of a key file. */
function newest(text: string): Bytes {
  const lines = text.split('\n').map((line) => line.trim());
  const line = lines.find((line) => line !== '' && !line.startsWith('#'));
  if (line === undefined) throw new OwtError('key-invalid', 'there is no key');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(line)) {
    throw new OwtError('key-invalid', 'the key is not base64');
  }
  const key = Buffer.from(line, 'base64');
  if (key.length >= MIN_KEY) return key;
  throw new OwtError('key-invalid', `the key has fewer than ${MIN_KEY} bytes`);
}
