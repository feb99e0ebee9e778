/** The page in Chromium: the call elsewhere, named endpoints, and what the server does. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Browser } from './harness/browser.ts';
import { Server } from './harness/server.ts';
import { Visit } from './page/visit.ts';

const ENDPOINTS = `from typing import Literal

from owt import UploadFile


def count(text: str, unit: Literal["words", "letters"] = "words", times: int = 1) -> dict:
    """Count what is in a text.

    Words are what blanks part.
    """
    return {unit: len(text.split() if unit == "words" else text) * times}


def hello(name):
    return f"Hello, {name}!"


def size(file: UploadFile) -> int:
    return len(file.read())
`;

const CODE = `def run(request, text: str, n: int = 1):
    """It's a "test" of \\\\ and ''' too."""
    return f"{text}|{n}|{[file.read().decode() for file in request.files.getlist('file')]}"
`;

let folder: string;
let server: Server;
let browser: Browser;
let visit: Visit;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'owt-page-'));
  const file = join(folder, 'endpoints.py');
  writeFileSync(file, ENDPOINTS);
  const routes = ['/count=:count', 'GET /hello/{name}=:hello', 'POST /size=:size'];
  const options = routes.flatMap((route) => ['--route', route.replace('=:', `=${file}:`)]);
  server = await Server.start(...options);
  browser = await Browser.start();
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write']);
});
after(async () => {
  await browser.stop();
  await server.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  visit = await Visit.begin(browser.context, `${server.url}/_owt/`);
});
afterEach(() => visit.end());

describe('the call elsewhere', () => {
  const TEXT = 'a \'b\' "c" \\ é $HOME\n!';
  const ANSWER = `${TEXT}|3|[]`;

  beforeEach(async () => {
    await visit.write(CODE);
    await visit.page.locator('#argument-text').fill(TEXT);
    await visit.page.locator('#argument-n').fill('3');
  });

  test('as curl, copied', async () => {
    await visit.notation('curl');
    await visit.page.getByRole('button', { name: 'Copy', exact: true }).click();
    await visit.page.getByText('Copied').waitFor();
    const command = await visit.page.evaluate(() => navigator.clipboard.readText());
    assert.match(command, /^curl /);
    assert.equal(execFileSync('sh', ['-c', `${command} --silent`], { encoding: 'utf8' }), ANSWER);
  });

  test('as curl with a file', async () => {
    writeFileSync(join(folder, 'a "b".txt'), 'content');
    await visit.page.getByLabel('Files').setInputFiles(join(folder, 'a "b".txt'));
    const command = await visit.notation('curl');
    const options = { encoding: 'utf8', cwd: folder } as const;
    const answer = execFileSync('sh', ['-c', `${command} --silent`], options);
    assert.equal(answer, `${TEXT}|3|['content']`);
  });

  test('as JavaScript', async () => {
    const program = await visit.notation('JavaScript, fetch');
    const answer = execFileSync('node', ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    });
    assert.equal(answer, `${ANSWER}\n`);
  });

  test('as Python', async () => {
    const program = await visit.notation('Python, owt.client');
    const env = { ...process.env, PYTHONPATH: join(import.meta.dirname, '../../summat') };
    const answer = execFileSync('python3', ['-c', program], { encoding: 'utf8', env });
    assert.equal(answer, `${ANSWER}\n`);
  });

  test('as a URL, which is not signed', async () => {
    const url = await visit.notation('URL');
    assert.equal(await (await fetch(url)).text(), ANSWER);
    assert.doesNotMatch(url, /signature/);
  });

  test('as Rust', async () => {
    const program = await visit.notation('Rust, owt-client');
    assert.ok(program.includes(`const CODE: &str = r#"${CODE}"#;`));
    assert.match(program, /\.kwargs\(&serde_json::json!\(\{"text": "a 'b' /);
  });

  test('with another method, the code is in the URL', async () => {
    await visit.page.getByText('How it is called').click();
    await visit.page.getByLabel('Method').selectOption('DELETE');
    await visit.page.getByLabel('Seconds at most').fill('5');
    const command = await visit.notation('curl');
    assert.match(command, /--request DELETE/);
    assert.equal(execFileSync('sh', ['-c', `${command} --silent`], { encoding: 'utf8' }), ANSWER);
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), ANSWER);
  });
});

describe('named endpoints', () => {
  beforeEach(() => visit.openPanel('Endpoints (4)'));

  const choose = (name: string) =>
    visit.page.getByLabel('Endpoint', { exact: true }).selectOption(name);

  test('have a description, and a form that calls them', async () => {
    await choose('POST /count');
    assert.equal(
      await visit.page.locator('#endpoint-summary').innerText(),
      'Count what is in a text.',
    );
    await visit.page.getByText('Words are what blanks part.').waitFor();
    const form = visit.page.locator('#endpoints');
    await form.locator('[name=text]').fill('to be');
    await form.locator('[name=unit]').selectOption('letters');
    await visit.run();
    assert.deepEqual(JSON.parse(await visit.result.locator('pre').innerText()), { letters: 5 });
    const command = await visit.notation('curl');
    const answer = execFileSync('sh', ['-c', `${command} --silent`], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(answer), { letters: 5 });
  });

  test('take parts of their path', async () => {
    await choose('GET /hello/{name}');
    await visit.page.locator('#endpoints [name=name]').fill('Ada/é?');
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), 'Hello, Ada/é?!');
    assert.equal(await (await fetch(await visit.notation('URL'))).text(), 'Hello, Ada/é?!');
  });

  test('take files', async () => {
    await choose('POST /size');
    const file = {
      name: 'a.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(1234),
    };
    await visit.page.getByLabel('file', { exact: true }).setInputFiles(file);
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), '1234');
  });

  test('say what they need', async () => {
    await choose('POST /count');
    await visit.pressRun();
    await visit.says('Failed after');
    assert.match(await visit.result.getByRole('alert').innerText(), /needs 'text'/);
  });
});

describe('the server', () => {
  test('calls that run are listed with their progress, and can be stopped', async () => {
    const source = `import time

def run(request):
    request.progress(3, 7)
    time.sleep(600)
`;
    const body = new URLSearchParams({ code_b64: Buffer.from(source).toString('base64') });
    const answer = fetch(`${server.url}/slow`, { method: 'POST', body });
    await visit.openPanel('Server');
    const row = visit.page.locator('#server li', { hasText: 'POST /slow' });
    await row.getByText('3 of 7').waitFor();
    await row.getByRole('button', { name: 'Stop POST /slow' }).click();
    assert.match(await (await answer).text(), /was cancelled/);
    await visit.page.getByText('Nothing is running.').waitFor();
  });

  test('adaptors that are loaded can be unloaded, and workers are shown with their memory', async () => {
    await visit.run('def run():\n    return 1\n');
    await visit.openPanel('Server');
    const workers = visit.page.locator('#server table tbody tr');
    assert.match(await workers.first().innerText(), /default\/0\s+up\s+0\s+[\d.]+ MB/);
    const buttons = visit.page.locator('#server').getByRole('button', { name: /^Unload/ });
    await buttons.first().waitFor();
    for (let left = await buttons.count(); left > 0; left -= 1) {
      await buttons.first().click();
      await visit.page.waitForFunction(
        (left) => [...document.querySelectorAll('#server button')].length < left,
        left,
      );
    }
    await visit.page.getByText('Nothing is loaded yet.').waitFor();
  });
});
