/** The page in Firefox: one writes code, runs it, mends it, and stops it. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'puppeteer-core';
import { start } from './attacks/browsers.ts';
import { Server } from './harness/server.ts';

let server: Server;
let browser: Browser;
let stop: () => Promise<void>;
let page: Page;
const wrong: string[] = [];

before(async () => {
  server = await Server.start();
  [browser, stop] = await start('firefox');
  page = await browser.newPage();
  page.on('pageerror', (err) => wrong.push(String(err)));
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(`${server.url}/`);
});
after(async () => {
  await stop();
  await server.stop();
  assert.deepEqual(wrong, []);
});

/** Replaces the code. Keys are typed as people do, and the editor closes brackets and indents by itself. */
async function write(source: string): Promise<void> {
  await page.focus('>>> .cm-content');
  await page.keyboard.down('Control');
  await page.keyboard.press('a');
  await page.keyboard.up('Control');
  await page.keyboard.press('Delete');
  for (const line of source.split('|')) {
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
  }
}

async function run(): Promise<void> {
  await page.focus('>>> .cm-content');
  await page.keyboard.down('Control');
  await page.keyboard.press('Enter');
  await page.keyboard.up('Control');
}

async function says(begin: string): Promise<void> {
  await page.waitForFunction(
    (begin) => document.querySelector('#says')?.textContent?.startsWith(begin),
    {},
    begin,
  );
}

function text(selector: string): Promise<string> {
  return page.$eval(selector, (element) => (element as HTMLElement).innerText);
}

function marks(): Promise<number> {
  return page.$$eval('>>> .cm-lint-marker-error', (marks) => marks.length);
}

test('the example runs', async () => {
  await page.click('#run');
  await says('Done in');
  assert.equal(await text('#result pre'), 'Hello, world!\nHello, world!\nHello, world!');
});

test('an error is shown at its line, until it is mended', async () => {
  await write('def run():|x = 1|return x / 0');
  await run();
  await says('Failed after');
  assert.match(await text('#result [role=alert]'), /^ZeroDivisionError: division by zero/);
  assert.match(await text('#result [role=alert]'), /Go to line 3/);
  assert.equal(await marks(), 1);
  await write('def run():|x = 1|return f"mended {x}"');
  await run();
  await says('Done in');
  assert.equal(await text('#result pre'), 'mended 1');
  assert.equal(await marks(), 0);
});

test('a stream comes, and Escape stops it', async () => {
  await write('import time|def run():|for n in range(10**6):|yield f"line {n} "|time.sleep(0.02)');
  await run();
  await page.waitForFunction(() =>
    document.querySelector('#result')?.textContent?.includes('line 5'),
  );
  await page.keyboard.press('Escape');
  await says('Stopped after');
  for (;;) {
    const calls = (await (await fetch(`${server.url}/_owt/calls`)).json()) as unknown[];
    if (calls.length === 0) break;
  }
});

test('HTML is shown in a frame that reads nothing and calls nobody', async () => {
  const script = `try { parent.document.title } catch { fetch('${server.url}/').catch(() => document.title = document.body.textContent = 'alone') }`;
  await write(`def run():|return """<body><script>${script}</script>"""`);
  await run();
  await says('Done in');
  const handle = await page.waitForSelector('#result iframe');
  const frame = await handle?.contentFrame();
  await frame?.waitForFunction(() => document.body?.textContent === 'alone');
  const refused = wrong.splice(0);
  assert.ok(
    refused.every((text) => text.includes("“default-src 'none'”")),
    refused.join(),
  );
});

test('HTML leads neither itself nor the page elsewhere, and runs no code', async () => {
  const ran = 'def run(request):\n    return "ran"\n';
  const digest = createHash('sha256').update(ran).digest('hex');
  const call = `${server.url}/?code_b64=${Buffer.from(ran).toString('base64url')}`;
  for (const script of [
    'location.href = CALL',
    'top.location.href = CALL',
    'open(CALL)',
    'new Image().src = CALL',
    'navigator.sendBeacon(CALL)',
  ]) {
    const html = `<body>b<script>${script.replace('CALL', `'${call}'`)}</script>`;
    await write(`def run():|return """${html}"""`);
    await run();
    await says('Done in');
    await page.waitForSelector('#result iframe');
    await new Promise((later) => setTimeout(later, 300));
    assert.equal(page.url(), `${server.url}/`);
    const loaded = await (await fetch(`${server.url}/_owt/adaptors`)).text();
    assert.ok(!loaded.includes(digest), script);
  }
  // What was refused is said.
  wrong.splice(0);
});

test('a picture is seen', async () => {
  await page.click('[popovertarget=examples]');
  await page.click('::-p-text(A picture)');
  await run();
  await says('Done in');
  await page.waitForFunction(
    () => document.querySelector<HTMLImageElement>('#result img')?.naturalWidth === 360,
  );
});
