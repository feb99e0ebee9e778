/** Signed URLs, as the test vectors that all languages share have them. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { owtifySigned } from 'owt-client/sign';

interface Vector {
  name: string;
  base: string;
  source: string | { repeat: string; times: number };
  kwargs: object | null;
  options?: Record<string, unknown>;
  url_key: string;
  expires: number;
  url?: string;
  error?: string;
  message?: string;
}

const VECTORS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/signed_urls.json'), 'utf8'),
) as Vector[];

const KEY = 'C7dD5y3UDiqY5Rpi1MbNUqbBgzD0PMHQ4Ax0tH2YZmQ';

function made({ base, source, kwargs, options = {}, url_key, expires }: Vector): string {
  const text = typeof source === 'string' ? source : source.repeat.repeat(source.times);
  const fields = Object.entries(options).map(([name, value]) => [camelCase(name), value]);
  return owtifySigned(base, text, kwargs, {
    ...Object.fromEntries(fields),
    urlKey: url_key,
    expires: new Date(expires * 1000),
  });
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, first: string) => first.toUpperCase());
}

describe('the vectors of all languages', () => {
  for (const vector of VECTORS) {
    test(vector.name, () => {
      const { error, message, url } = vector;
      if (error !== undefined) {
        assert.throws(() => made(vector), { name: 'OwtError', code: error, message });
      } else {
        assert.equal(made(vector), url);
      }
    });
  }
});

describe('what is no key is refused', () => {
  for (const [name, urlKey, message] of [
    ['nothing', '', 'there is no key'],
    ['a comment', '# none\n', 'there is no key'],
    ['a word', 'secret!', 'the key is not base64'],
    ['a short key', KEY.slice(0, 42), 'the key has fewer than 32 bytes'],
  ] as const) {
    test(name, () => {
      const sign = () => owtifySigned('localhost', '1', null, { urlKey, expires: new Date() });
      assert.throws(sign, { name: 'OwtError', code: 'key-invalid', message });
    });
  }
});

test('an expiry is whole seconds, and a time', () => {
  const sign = (time: number) =>
    owtifySigned('localhost', '1', null, { urlKey: KEY, expires: new Date(time) });
  assert.equal(sign(1_800_000_000_999), sign(1_800_000_000_000));
  assert.throws(() => sign(Number.NaN), { code: 'field-invalid' });
});
