/** HTML that an adaptor answers, as hostile as can be: it stays in its frame, and reaches nothing. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { Frame } from 'playwright-core';
import { Browser } from './harness/browser.ts';
import { Server } from './harness/server.ts';
import { Visit } from './page/visit.ts';

let folder: string;
let server: Server;
let browser: Browser;
let visit: Visit;
/** Another host, which must never be asked. */
let other: HttpServer;
let asked: string[];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'owt-frame-'));
  server = await Server.start();
  browser = await Browser.start();
  other = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('content-type', 'text/html');
    response.end(
      `<iframe src="${server.url}/"></iframe><iframe src="${server.url}/_owt/page/frame">`,
    );
  });
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
});
after(async () => {
  await browser.stop();
  await server.stop();
  await new Promise((closed) => other.close(closed));
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  asked = [];
  visit = await Visit.begin(browser.context, `${server.url}/`);
  await visit.page.evaluate(() => localStorage.setItem('secret', 'kept'));
});
afterEach(() => visit.page.close());

/** Where code would leave a trace if it ran. */
const trace = () => join(folder, 'ran');

/** The URL of a call that leaves it. */
function call(): string {
  const source = `def run(request):\n    open(${JSON.stringify(trace())}, "w").close()\n    return "ran"\n`;
  return `${server.url}/?code_b64=${Buffer.from(source).toString('base64url')}`;
}

/** Has the page show HTML, and gives its frame. */
async function show(html: string): Promise<Frame> {
  await visit.run(
    `HTML = ${JSON.stringify(html)}\n\ndef run():\n    return "<!doctype html>" + HTML\n`,
  );
  const frame = await (await visit.result.locator('iframe').elementHandle())?.contentFrame();
  assert.ok(frame);
  return frame;
}

/** Shows a script that tries something, and gives what came of it. */
async function tried(script: string): Promise<string> {
  const frame = await show(
    `<output></output><script>(async () => { ${script} })()
      .then((got) => got, (err) => 'refused: ' + err.name)
      .then((got) => { document.querySelector('output').textContent = 'got ' + got; })</script>`,
  );
  const output = frame.locator('output');
  await output.filter({ hasText: 'got ' }).waitFor();
  return output.innerText();
}

/** The page is as it was, and no code has run. */
function unharmed(): void {
  assert.equal(visit.page.url(), `${server.url}/`);
  assert.ok(!existsSync(trace()));
  assert.deepEqual(asked, []);
}

test('the page itself may call, and a call leaves a trace', async () => {
  await visit.page.evaluate((url) => fetch(url), call());
  assert.ok(existsSync(trace()));
  rmSync(trace());
});

test('its own scripts and styles work', async () => {
  const frame = await show(
    '<style>h1 { color: rgb(1, 2, 3) }</style><h1>a</h1><script>document.querySelector("h1").textContent = "b"</script>',
  );
  const heading = frame.getByRole('heading', { name: 'b' });
  await heading.waitFor();
  assert.equal(
    await heading.evaluate((element) => getComputedStyle(element).color),
    'rgb(1, 2, 3)',
  );
});

test('its origin is nobody’s', async () => {
  assert.equal(await tried('return self.origin'), 'got null');
});

for (const [what, script] of [
  ['the storage of the page', 'return localStorage.getItem("secret")'],
  ['the storage of the page through it', 'return parent.localStorage.getItem("secret")'],
  ['the document of the page', 'return parent.document.title'],
  ['cookies', 'return document.cookie'],
  ['a database', 'return indexedDB.open("a")'],
  ['the address of the page', 'return parent.location.href'],
] as const) {
  test(`it does not read ${what}`, async () => {
    assert.match(await tried(script), /^got refused: (SecurityError|TypeError)$/);
    unharmed();
  });
}

for (const [how, script] of [
  ['fetch', 'return (await fetch(CALL)).text()'],
  ['fetch without CORS', 'return (await fetch(CALL, { mode: "no-cors" })).type'],
  [
    'a request of the old kind',
    'const r = new XMLHttpRequest(); r.open("POST", CALL, false); r.send(); return r.responseText',
  ],
  [
    'a beacon',
    'await new Promise((later) => setTimeout(later, 0 * navigator.sendBeacon(CALL))); return "sent"',
  ],
  ['a socket', 'new WebSocket(CALL.replace("http", "ws")); return "sent"'],
  [
    'events',
    'const e = new EventSource(CALL); return await new Promise((answer, fail) => { e.onerror = fail; e.onmessage = answer; })',
  ],
  [
    'a picture',
    'const i = new Image(); i.src = CALL; return await new Promise((answer, fail) => { i.onerror = fail; i.onload = answer; })',
  ],
  [
    'a script',
    'const s = document.createElement("script"); s.src = CALL; document.body.append(s); return await new Promise((answer, fail) => { s.onerror = fail; s.onload = answer; })',
  ],
  ['a module', 'return await import(CALL)'],
  ['a worker', 'new Worker(CALL); return "sent"'],
  [
    'a frame',
    'const f = document.createElement("iframe"); f.src = CALL; document.body.append(f); return await new Promise((answer) => { f.onload = answer; setTimeout(answer, 500, "nothing"); })',
  ],
  [
    'a form',
    'document.body.innerHTML += `<form method=post action="${CALL}"></form>`; document.forms[0].submit(); return "sent"',
  ],
  ['a window', 'return window.open(CALL) === null ? "none" : "opened"'],
  ['the window of the page', 'top.location = CALL; return "sent"'],
  ['a prefetch', 'document.head.innerHTML += `<link rel=prefetch href="${CALL}">`; return "sent"'],
  [
    'a link that is clicked',
    'const a = document.createElement("a"); a.href = CALL; a.target = "_top"; document.body.append(a); a.click(); return "sent"',
  ],
  ['a message to the page', 'parent.postMessage({ run: CALL }, "*"); return "sent"'],
] as const) {
  test(`it runs no code by ${how}, nor asks another host`, async () => {
    const { port } = other.address() as AddressInfo;
    for (const url of [call(), `http://127.0.0.1:${port}/stolen`]) {
      await tried(script.replaceAll('CALL', JSON.stringify(url)));
      // What is under way has got as far as the server when another call is answered.
      await visit.page.evaluate(() => fetch('/_owt/health'));
      unharmed();
    }
  });
}

for (const [how, script] of [
  ['its own location', 'location.href = CALL'],
  [
    'a meta refresh',
    'document.head.innerHTML += `<meta http-equiv=refresh content="0;url=${CALL}">`',
  ],
  [
    'a form in its place',
    'document.body.innerHTML = `<form action="${CALL}"><input name=a></form>`; document.forms[0].submit()',
  ],
  ['a document of data', 'location.href = "data:text/html,<script>fetch(\'CALL\')</script>"'],
] as const) {
  test(`it does not leave its frame by ${how}`, async () => {
    const { port } = other.address() as AddressInfo;
    for (const url of [call(), `http://127.0.0.1:${port}/stolen`]) {
      await show(`<script>const CALL = ${JSON.stringify(url)}; ${script}</script>`);
      await visit.page.waitForTimeout(300);
      unharmed();
    }
    // The page goes on working.
    await visit.run('def run():\n    return "on"\n');
    assert.equal(await visit.result.locator('pre').innerText(), 'on');
  });
}

test('opened by itself, the frame is no page of this server either', async () => {
  await visit.page.goto(`${server.url}/_owt/page/frame`);
  assert.equal(await visit.page.evaluate(() => self.origin), 'null');
});

test('another page can frame neither the page nor its frame', async () => {
  const { port } = other.address() as AddressInfo;
  await visit.page.goto(`http://127.0.0.1:${port}/`);
  await visit.page.waitForTimeout(300);
  const [page, frame] = visit.page.frames().slice(1);
  // In a frame, it is not even asked for as a page.
  assert.match((await page?.locator('body').innerText()) ?? '', /^The request brings no code\./);
  assert.match(frame?.url() ?? '', /^chrome-error:/);
});
