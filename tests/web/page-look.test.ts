/** How the page looks in Chromium: narrow and wide, dark and light, and to those who do not see it. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Result } from 'axe-core';
import { Browser } from './harness/browser.ts';
import { Server } from './harness/server.ts';
import { Visit } from './page/visit.ts';

const AXE = readFileSync(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');

const LONG = `def run():
    return [{"a column with a long name": "x" * 200, "another": "y " * 50}] * 3
`;

/** Where to put pictures of the page for people; nowhere, if it is not said. */
const PICTURES = process.env.OWT_PAGE_PICTURES;

const ENDPOINT = `def say(text: str, times: int = 1, loud: bool = False):
    """Say it again.

    As often as is wanted.
    """
    return text * times
`;

let folder: string;
let server: Server;
let browser: Browser;
let visit: Visit;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'owt-look-'));
  writeFileSync(join(folder, 'say.py'), ENDPOINT);
  server = await Server.start('--route', `POST /say=${folder}/say.py:say`);
  browser = await Browser.start();
});
after(async () => {
  await browser.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  visit = await Visit.begin(browser.context, `${server.url}/`);
  await visit.page.evaluate(() => localStorage.clear());
});
afterEach(() => visit.end());

/** What axe-core finds that keeps people out. */
async function serious(): Promise<string[]> {
  // Not through a script element, which the page's policy forbids.
  await visit.page.evaluate(AXE);
  const violations = await visit.page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
    return (await axe.run({ iframes: false } as object)).violations;
  });
  const isSerious = ({ impact }: Result) => impact === 'serious' || impact === 'critical';
  return violations
    .filter(isSerious)
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Leads through everything that can be seen, and looks each time. */
async function tour(look: (what: string) => Promise<void>): Promise<void> {
  await visit.page.reload();
  await visit.editor.waitFor();
  await look('first');
  await visit.page.getByText('How it is called').click();
  await visit.run();
  await look('text');
  for (const example of ['A table', 'A picture', 'Sound', 'HTML']) {
    await visit.openExample(example);
    await visit.run();
    await look(example.toLowerCase().replace(' ', '-'));
  }
  await visit.run(LONG);
  await look('long');
  await visit.write('def run():\n    x = "y" * 200\n    raise ValueError(x)\n');
  await visit.pressRun();
  await visit.says('Failed after');
  await look('error');
  await visit.openPanel('Use elsewhere');
  await look('elsewhere');
  await visit.openPanel('Server');
  await visit.page.getByText('Loaded adaptors').waitFor();
  await look('server');
  await visit.openPanel('Endpoints (1)');
  await visit.page.locator('#endpoints [name=text]').fill('again ');
  await visit.page.locator('#endpoints [name=times]').fill('3');
  await visit.run();
  await look('endpoints');
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 360]) {
    test(`${width} px wide and ${colorScheme}, nobody is kept out, and nothing hangs over`, async () => {
      await visit.page.setViewportSize({ width, height: 900 });
      await visit.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await tour(async (what) => {
        assert.equal(await visit.overhang(), 0, what);
        assert.deepEqual(await serious(), [], what);
        if (PICTURES !== undefined) {
          await visit.page.screenshot({ path: `${PICTURES}/${width}-${colorScheme}-${what}.png` });
        }
      });
    });
  }
}

test('dark and light are what the system says', async () => {
  const ground = () => visit.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await visit.page.emulateMedia({ colorScheme: 'light' });
  const light = await ground();
  await visit.page.emulateMedia({ colorScheme: 'dark' });
  assert.notEqual(await ground(), light);
});
