/** The package in Chromium: pages, workers and service workers, against a real server. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { Browser, Pages } from './harness/browser.ts';
import { Server } from './harness/server.ts';

const PACKAGE = readFileSync(fileURLToPath(import.meta.resolve('owt-client')), 'utf8');

const ADAPTOR = 'def run(_, prompt):\n    return prompt.upper()\n';

/** The README of the seed, character for character, but for the port. */
const SNIPPET = `const url = owtify('http://localhost:9876', 'adaptor.py', {'prompt': 'output SOTA results'});
const response = await fetch(url, {});`;

let server: Server;
let browser: Browser;
let pages: Pages;

before(async () => {
  server = await Server.start();
  browser = await Browser.start();
  const snippet = SNIPPET.replace('9876', server.port);
  const worker = `import { Owt, owtify } from './owt-client.js';
${snippet}
const reply = await new Owt('http://localhost:${server.port}').call('adaptor.py', { prompt: 'call' });
const answer = [await response.text(), await reply.text()];`;
  pages = await Pages.ofFiles({
    'index.html': '<!doctype html><title>empty</title>',
    'adaptor.py': ADAPTOR,
    'missing.py': '<!doctype html>',
    'owt-client.js': PACKAGE,
    'snippet.html': `<!doctype html><script type="module">
import { owtify } from './owt-client.js';
${snippet}
document.title = await response.text();
</script>`,
    'served.html': `<!doctype html><script type="module">
import { Owt } from 'http://localhost:${server.port}/_owt/client.js';
const reply = await new Owt('http://localhost:${server.port}').call('adaptor.py', { prompt: 'x' });
document.title = await reply.text();
</script>`,
    'strict.html': `<!doctype html>
<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'unsafe-inline'">
<script type="module">
import { owtify } from './owt-client.js';
try { owtify('http://localhost', '1'); } catch (err) { document.title = err.code + ': ' + err.message; }
</script>`,
    'worker.js': `${worker}\npostMessage(answer);`,
    'service.js': `import { Owt, OwtError, owtify } from './owt-client.js';
addEventListener('message', async ({ source }) => {
  let code;
  try { owtify('http://localhost', 'adaptor.py'); } catch (err) { code = err.code; }
  const url = owtify('http://localhost:${server.port}', await (await fetch('adaptor.py')).text(), { prompt: 'url' });
  const reply = await new Owt('http://localhost:${server.port}').call('adaptor.py', { prompt: 'call' });
  source.postMessage([code, await (await fetch(url)).text(), await reply.text()]);
});`,
  });
});
after(async () => {
  await pages.stop();
  await browser.stop();
  await server.stop();
});

/** A page, and what it could not do. */
async function open(path: string): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(pages.url + path);
  return page;
}

async function title(path: string): Promise<string> {
  const page = await open(path);
  await page.waitForFunction(() => document.title !== '');
  return page.title();
}

test('the snippet of the README runs in a page', async () => {
  assert.equal(await title('snippet.html'), 'OUTPUT SOTA RESULTS');
});

test('a page needs no more than what the server serves', async () => {
  assert.equal(await title('served.html'), 'X');
});

test('a page that forbids WebAssembly is told how to allow it', async () => {
  assert.equal(
    await title('strict.html'),
    "wasm-blocked: This page may not run WebAssembly: add 'wasm-unsafe-eval' to script-src in its Content-Security-Policy",
  );
});

test('it works in a worker', async () => {
  const page = await open('');
  const answer = await page.evaluate(() => {
    return new Promise((answer, fail) => {
      const worker = new Worker('worker.js', { type: 'module' });
      worker.onmessage = ({ data }) => answer(data);
      worker.onerror = ({ message }) => fail(new Error(message));
    });
  });
  assert.deepEqual(answer, ['OUTPUT SOTA RESULTS', 'CALL']);
});

test('it works in a service worker, where only call can read files', async () => {
  const page = await open('');
  const answer = await page.evaluate(async () => {
    await navigator.serviceWorker.register('service.js', { type: 'module' });
    const { active } = await navigator.serviceWorker.ready;
    return new Promise((answer) => {
      navigator.serviceWorker.onmessage = ({ data }) => answer(data);
      active?.postMessage('go');
    });
  });
  assert.deepEqual(answer, ['adaptor-unreadable', 'URL', 'CALL']);
});

describe('errors in a page', () => {
  interface Failure {
    code: string;
    message: string;
  }

  async function failure(adaptor: string, base: string): Promise<Failure> {
    const page = await open('');
    return page.evaluate(
      async ([adaptor, base, module]) => {
        const { Owt } = (await import(module)) as typeof import('owt-client');
        const failed = new Owt(base).call(adaptor).then(
          () => ({ code: '', message: '' }),
          ({ code, message }: Failure) => ({ code, message }),
        );
        return failed;
      },
      [adaptor, base, `${pages.url}owt-client.js`] as const,
    );
  }

  test('a file that is not there', async () => {
    const { code, message } = await failure('nowhere.py', server.url);
    assert.deepEqual(
      [code, message],
      ['adaptor-unreadable', 'Cannot read the adaptor nowhere.py: the answer is 404'],
    );
  });

  test('a server that does not know the page', async () => {
    const { code, message } = await failure('1', 'http://localhost:1');
    const origin = new URL(pages.url).origin;
    assert.deepEqual(
      [code, message],
      [
        'unreachable',
        `No owt answers at http://localhost:1. Start it with owt serve, or allow this page: owt serve --allow-origin ${origin}`,
      ],
    );
  });
});

describe('what the server serves', () => {
  const get = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}/_owt/client.js`, { headers });

  test('is the package, after a line that says where it is from', async () => {
    const response = await get();
    const [first = '', ...rest] = (await response.text()).split('\n');
    assert.match(first, /^\/\/ owt-client, built by `cargo xtask wasm` from sources [0-9a-f]{64}$/);
    assert.match(rest.join('\n'), /export ?\{/);
    assert.equal(response.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    assert.equal(response.headers.get('vary'), 'Origin');
  });

  test('is sent to pages that may call, and to no others', async () => {
    const own = await get({ origin: 'http://localhost:5173' });
    assert.equal(own.status, 200);
    assert.equal(own.headers.get('access-control-allow-origin'), 'http://localhost:5173');
    assert.equal(own.headers.get('vary'), 'Origin');
    const other = await get({ origin: 'http://evil.example' });
    assert.deepEqual([other.status, other.headers.get('owt-error')], [403, 'origin-not-allowed']);
  });

  test('is not sent again', async () => {
    const etag = (await get()).headers.get('etag') ?? '';
    const again = await get({ 'if-none-match': etag });
    assert.deepEqual([again.status, await again.text()], [304, '']);
  });

  test('needs no password', async () => {
    const guarded = await Server.start('--auth', `ann:${'0'.repeat(64)}`);
    try {
      assert.equal((await fetch(`${guarded.url}/_owt/client.js`)).status, 200);
      assert.equal((await fetch(`${guarded.url}/_owt/health`)).status, 401);
    } finally {
      await guarded.stop();
    }
  });
});
