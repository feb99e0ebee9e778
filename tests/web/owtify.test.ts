/** `owtify`, as the test vectors that all languages share have it. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { OwtError, owtify } from 'owt-client';

interface Vector {
  name: string;
  base: string;
  source: string | { repeat: string; times: number };
  kwargs: object | null;
  options?: Record<string, unknown>;
  url?: string;
  url_sha256?: string;
  url_length?: number;
  error?: string;
  message?: string;
}

const VECTORS = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/owtify.json'), 'utf8'),
) as Vector[];

function made({ base, source, kwargs, options = {} }: Vector): string {
  const text = typeof source === 'string' ? source : source.repeat.repeat(source.times);
  const fields = Object.entries(options).map(([name, value]) => [
    camelCase(name),
    value ?? undefined,
  ]);
  return owtify(base, text, kwargs, Object.fromEntries(fields));
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, first: string) => first.toUpperCase());
}

/** A URL in the form in which the vector has it. */
function measured(vector: Vector, url: string): Partial<Vector> {
  if (vector.url_length === undefined) return { url };
  return { url_length: url.length, url_sha256: createHash('sha256').update(url).digest('hex') };
}

describe('the vectors of all languages', () => {
  for (const vector of VECTORS) {
    test(vector.name, () => {
      const { error, message, url, url_sha256, url_length } = vector;
      if (error !== undefined) {
        assert.throws(() => made(vector), { name: 'OwtError', code: error, message });
      } else {
        const expected = url === undefined ? { url_length, url_sha256 } : { url };
        assert.deepEqual(measured(vector, made(vector)), expected);
      }
    });
  }
});

const SOURCE = 'def run(_, prompt):\n    return prompt\n';

function inFile(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'owt-')), 'adaptor.py');
  writeFileSync(file, SOURCE);
  return file;
}

test('one line that ends in .py names a file', () => {
  const file = inFile();
  const url = owtify('localhost', SOURCE, { prompt: 'hi' });
  assert.equal(owtify('localhost', file, { prompt: 'hi' }), url);
  assert.equal(owtify('localhost', pathToFileURL(file), { prompt: 'hi' }), url);
});

test('other text is source, also if it speaks of files', () => {
  for (const source of ["open('x.py')", 'x = 1\n# see x.py', 'config.py\n', '.py']) {
    const code = Buffer.from(source).toString('base64url');
    assert.equal(owtify('localhost', source), `http://localhost/?code_b64=${code}`);
  }
});

test('a file that is not there is named', () => {
  assert.throws(
    () => owtify('localhost', 'nowhere.py'),
    (err: unknown) => {
      assert(err instanceof OwtError);
      assert.equal(err.code, 'adaptor-unreadable');
      assert.match(err.message, /^Cannot read the adaptor nowhere\.py: .*ENOENT/);
      return true;
    },
  );
});

test('a URL of the web cannot be read at once in Node', () => {
  assert.throws(() => owtify('localhost', new URL('http://localhost/a.py?secret')), {
    code: 'adaptor-unreadable',
    message:
      'Cannot read the adaptor http://localhost/a.py: nothing can be fetched at once here. ' +
      'Fetch the source first, and pass that',
  });
});

test('a timeout has to be a length of time', () => {
  for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => owtify('localhost', '1', {}, { timeout }), { code: 'field-invalid' });
  }
});

test('CommonJS has the same module', async () => {
  const required = createRequire(import.meta.url)('owt-client') as typeof import('owt-client');
  assert.equal(required.owtify('localhost', '1'), 'http://localhost/?code_b64=MQ');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(await import('owt-client')).sort());
});

test('many calls do not fill the memory', () => {
  const source = 'x'.repeat(10_000) + '\n';
  for (let round = 0; round < 200; round++) owtify('localhost', source, { round });
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 5_000; round++) owtify('localhost', source, { round });
  assert(process.memoryUsage().arrayBuffers - before < 1_000_000);
});
