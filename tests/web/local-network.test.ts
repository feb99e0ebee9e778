/** Pages of the web and a server of this machine, in a browser that asks its user between the two. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Owt } from 'owt-client';
import { Browser, Pages } from './harness/browser.ts';
import { Server } from './harness/server.ts';

const PACKAGE = readFileSync(fileURLToPath(import.meta.resolve('owt-client')), 'utf8');

/** A name under which pages are on the web, for all that the browser knows. */
const SITE = 'owls.example';

let pages: Pages;
let server: Server;
let origin: string;

before(async () => {
  pages = await Pages.ofFiles({
    'index.html': '<!doctype html><title>empty</title>',
    'owt-client.js': PACKAGE,
  });
  origin = `http://${SITE}:${new URL(pages.url).port}`;
  server = await Server.start('--allow-origin', origin);
});
after(async () => {
  await server.stop();
  await pages.stop();
});

/** What a page of the web gets of a call, in a browser whose user has answered already. */
async function called(answer?: 'granted' | 'denied', isSecure = true): Promise<string> {
  const { port } = new URL(pages.url);
  const browser = await Browser.start(
    `--host-resolver-rules=MAP ${SITE} 127.0.0.1`,
    `--ip-address-space-overrides=127.0.0.1:${port}=public`,
    ...(isSecure ? [`--unsafely-treat-insecure-origin-as-secure=${origin}`] : []),
  );
  try {
    const page = await browser.context.newPage();
    if (answer !== undefined) {
      const session = await browser.context.newCDPSession(page);
      const permission = { name: 'loopback-network' };
      await session.send('Browser.setPermission', { origin, permission, setting: answer });
    }
    await page.goto(origin);
    return await page.evaluate(
      async ([base, module]) => {
        const { Owt } = (await import(module)) as typeof import('owt-client');
        const reply = await new Owt(base)
          .call('lambda: "hoo"')
          .catch(({ code, message }: { code: string; message: string }) => `${code}: ${message}`);
        return typeof reply === 'string' ? reply : reply.text();
      },
      [`http://localhost:${server.port}`, '/owt-client.js'] as const,
    );
  } finally {
    await browser.stop();
  }
}

describe('a page of the web', () => {
  test('calls a server of this machine, once the user has allowed it', async () => {
    assert.equal(await called('granted'), 'hoo');
  });

  test('is told what to allow, where the user has refused it', async () => {
    assert.equal(
      await called('denied'),
      `not-permitted: The browser does not let this page reach http://localhost:${server.port} ` +
        'until it is allowed: "Apps on device" in the browser\'s settings of this site',
    );
  });

  test('is told that it has to be HTTPS', async () => {
    assert.equal(
      await called(undefined, false),
      `not-permitted: The browser does not let this page reach http://localhost:${server.port} ` +
        'because the page is not HTTPS. Serve it over HTTPS, or from there',
    );
  });
});

describe('a call says where its server is', () => {
  /** What `fetch` is told of a server, in a page of some host. */
  async function space(page: string | undefined, host: string): Promise<unknown> {
    let told: unknown = 'nothing was fetched';
    const owt = new Owt(`http://${host}:9876`, {
      fetch: async (_, init) => {
        told = (init as { targetAddressSpace?: string }).targetAddressSpace;
        return new Response('');
      },
    });
    const location = page === undefined ? undefined : { hostname: page };
    Object.defineProperty(globalThis, 'location', { value: location, configurable: true });
    try {
      await owt.call('1');
    } finally {
      Reflect.deleteProperty(globalThis, 'location');
    }
    return told;
  }

  for (const [page, host, expected] of [
    ['owls.example', 'localhost', 'loopback'],
    ['owls.example', 'owl.localhost', 'loopback'],
    ['owls.example', '127.9.9.9', 'loopback'],
    ['owls.example', '0x7f.1', 'loopback'],
    ['owls.example', '[::1]', 'loopback'],
    ['owls.example', '10.0.0.5', 'local'],
    ['owls.example', '172.16.0.1', 'local'],
    ['owls.example', '172.31.255.1', 'local'],
    ['owls.example', '192.168.1.2', 'local'],
    ['owls.example', '169.254.1.2', 'local'],
    ['owls.example', '[fd12::1]', 'local'],
    ['owls.example', '[fe80::1]', 'local'],
    ['owls.example', '172.32.0.1', undefined],
    ['owls.example', '[fd::1]', undefined],
    ['owls.example', '10.owls.example', undefined],
    ['owls.example', '127.0.0.1.owls.example', undefined],
    ['owls.example', 'notlocalhost', undefined],
    ['owls.example', 'owls.example', undefined],
    ['192.168.1.2', 'localhost', 'loopback'],
    ['192.168.1.2', '192.168.1.3', undefined],
    ['localhost', '127.0.0.1', undefined],
    ['localhost', '192.168.1.2', undefined],
    ['', 'localhost', undefined],
    [undefined, 'localhost', undefined],
  ] as const) {
    test(`from ${page ?? 'a program'} to ${host}`, async () => {
      assert.equal(await space(page, host), expected);
    });
  }
});
