/** examples/web, clicked through in Chromium. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { Browser, Pages } from './harness/browser.ts';
import { Server } from './harness/server.ts';

/** Where `vite build` has put the page. */
const BUILT = join(import.meta.dirname, '../../examples/web/dist');

/** Where to put pictures of the page, for who wants to look at it. */
const SCREENSHOTS = process.env.OWT_SCREENSHOTS;

let server: Server;
let browser: Browser;
let pages: Pages;

before(async () => {
  server = await Server.start();
  browser = await Browser.start();
  pages = await Pages.ofFolder(BUILT);
});
after(async () => {
  await pages.stop();
  await browser.stop();
  await server.stop();
});

async function open(): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(pages.url);
  await page.getByLabel('Server').fill(server.url);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS !== undefined) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Waits until the page says something, and gives that. */
async function status(page: Page): Promise<string> {
  const status = page.locator('#status').filter({ hasText: /./ });
  return status.innerText();
}

test('words come one by one, up to the number that is wanted', async () => {
  const page = await open();
  await page.getByLabel('Words').fill('40');
  await page.getByRole('button', { name: 'Write' }).click();
  await page.waitForFunction(() => {
    const share = document.querySelector('progress')?.value ?? 0;
    return share > 0.3 && share < 1;
  });
  await picture(page, 'running');
  assert.equal(await status(page), 'Done.');
  assert.equal(await page.locator('progress').getAttribute('value'), '1');
  const reply = (await page.locator('#reply').innerText()).trim().split(' ');
  assert.equal(reply.length, 40);
  const text = (await page.getByLabel('Learn from').inputValue()).split(/\s+/);
  assert(
    reply.every((word) => text.includes(word)),
    reply.join(' '),
  );
  await picture(page, 'done');
});

test('who stops sees no more words, and may begin again', async () => {
  const page = await open();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByLabel('Words').fill('400');
  await page.getByRole('button', { name: 'Write' }).click();
  await page
    .locator('#reply')
    .filter({ hasText: /\w+ \w+/ })
    .waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  assert.equal(await status(page), 'Stopped.');
  await picture(page, 'stopped-dark');
  assert(await page.getByRole('button', { name: 'Write' }).isEnabled());
  await page.waitForFunction(async (health) => {
    const calls = await (await fetch(health)).json();
    return calls.length === 0;
  }, `${server.url}/_owt/calls`);
});

test('a server that is not there is named', async () => {
  const page = await open();
  await page.getByLabel('Server').fill('http://localhost:1');
  await page.getByRole('button', { name: 'Write' }).click();
  assert.match(
    await status(page),
    /^No owt answers at http:\/\/localhost:1\. Start it with owt serve/,
  );
  await picture(page, 'failed');
});
