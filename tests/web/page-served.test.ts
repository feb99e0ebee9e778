/** Who gets the page, and how. */

import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { get, type IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Browser } from './harness/browser.ts';
import { Server } from './harness/server.ts';
import { Visit } from './page/visit.ts';

const BROWSER = {
  accept: 'text/html,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
};

/** What comes over the wire. `fetch` would decompress it, and sends no `Sec-Fetch-Mode` but its own. */
async function ask(
  url: string,
  headers: Record<string, string>,
): Promise<[IncomingMessage, Buffer]> {
  const response = await new Promise<IncomingMessage>((answer, fail) =>
    get(url, { headers }, answer).on('error', fail),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return [response, Buffer.concat(chunks)];
}

describe('the page', () => {
  let server: Server;

  before(async () => {
    server = await Server.start();
  });
  after(() => server.stop());

  test('weighs less than 350 KB, and is sent once', async () => {
    const headers = { ...BROWSER, 'accept-encoding': 'gzip, br' };
    const [first, body] = await ask(`${server.url}/`, headers);
    assert.equal(first.statusCode, 200);
    assert.equal(first.headers['content-encoding'], 'gzip');
    assert.ok(body.length < 350_000, `${body.length} bytes`);
    const etag = String(first.headers.etag);
    const [again, nothing] = await ask(`${server.url}/`, { ...headers, 'if-none-match': etag });
    assert.deepEqual([again.statusCode, nothing.length], [304, 0]);
    const [plain, text] = await ask(`${server.url}/_owt/`, { ...BROWSER, 'if-none-match': etag });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.deepEqual(text, gunzipSync(body));
  });

  test('may run nothing but its own script, and be in no frame', async () => {
    const [{ headers }, body] = await ask(`${server.url}/`, BROWSER);
    const policy = String(headers['content-security-policy']);
    assert.match(
      policy,
      /^default-src 'none'; script-src 'sha256-[^ ]+' 'wasm-unsafe-eval'; style-src 'sha256-[^ ]+';/,
    );
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)/);
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['cache-control'], 'private, no-cache');
    assert.doesNotMatch(body.toString(), /https?:\/\/(?!www\.w3\.org)[a-z]+\.[a-z]/);
  });

  test('is for browsers alone', async () => {
    const program = await fetch(`${server.url}/`);
    assert.deepEqual([program.status, program.headers.get('owt-error')], [400, 'code-missing']);
    const admin = await fetch(`${server.url}/_owt/`);
    assert.deepEqual([admin.status, admin.headers.get('owt-error')], [404, 'path-unknown']);
  });

  test('is not what --no-page gives', async () => {
    const other = await Server.start('--no-page');
    try {
      for (const [path, error] of [
        ['/', 'code-missing'],
        ['/_owt/', 'path-unknown'],
        ['/_owt/page/frame', 'path-unknown'],
      ] as const) {
        const [{ headers }] = await ask(`${other.url}${path}`, BROWSER);
        assert.equal(headers['owt-error'], error, path);
      }
    } finally {
      await other.stop();
    }
  });
});

test('a server with a password asks for it, and the page calls with it', async () => {
  // ann:foo
  const hash = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae';
  const server = await Server.start('--auth', `ann:${hash}`);
  const browser = await Browser.start();
  try {
    const [{ statusCode, headers }] = await ask(`${server.url}/`, BROWSER);
    assert.equal(statusCode, 401);
    assert.match(String(headers['www-authenticate']), /Basic/);
    const url = server.url.replace('://', '://ann:foo@');
    const visit = await Visit.begin(browser.context, url);
    await visit.run('def run():\n    return "let in"\n');
    assert.equal(await visit.result.locator('pre').innerText(), 'let in');
    await visit.openExample('HTML');
    await visit.run();
    await visit.page.frameLocator('iframe').getByRole('heading').waitFor();
    await visit.end();
  } finally {
    await browser.stop();
    await server.stop();
  }
});
