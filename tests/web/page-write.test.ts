/** The page in Chromium: one writes code, runs it, and sees the answer. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Browser } from './harness/browser.ts';
import { Server } from './harness/server.ts';
import { Visit } from './page/visit.ts';

let server: Server;
let browser: Browser;
let visit: Visit;

before(async () => {
  server = await Server.start();
  browser = await Browser.start();
});
after(async () => {
  await browser.stop();
  await server.stop();
});
beforeEach(async () => {
  visit = await Visit.begin(browser.context, `${server.url}/`);
  await visit.page.evaluate(() => localStorage.clear());
  await visit.page.reload();
});
afterEach(() => visit.end());

describe('writing and running', () => {
  test('a first visitor finds an example that runs', async () => {
    await visit.run();
    assert.equal(
      await visit.result.locator('pre').innerText(),
      'Hello, world!\nHello, world!\nHello, world!',
    );
  });

  test('arguments are a form by the signature, which nothing is run for', async () => {
    await visit.write(
      'from typing import Literal\n\n' +
        'def run(request, name: str, n: int = 2, loud: bool = False, *, of: Literal["a", "b"] = "a", data: list = []):\n' +
        '    return [name, n, loud, of, data]\n',
    );
    const labels = visit.page.locator('.fields:not(.two) label');
    assert.deepEqual(await labels.allInnerTexts(), [
      'name\nstr',
      'n\nint',
      'loud\nbool',
      'of\nLiteral["a", "b"]',
      'data\nlist',
    ]);
    await visit.page.getByLabel('name', { exact: false }).first().fill('Ada "L"');
    await visit.page.locator('#argument-n').fill('7');
    await visit.page.locator('#argument-loud').selectOption('True');
    await visit.page.locator('#argument-of').selectOption('b');
    await visit.page.locator('#argument-data').fill('[1, (2, 3)]');
    await visit.run();
    const answer = JSON.parse(await visit.result.locator('pre').innerText()) as unknown;
    assert.deepEqual(answer, ['Ada "L"', 7, true, 'b', [1, [2, 3]]]);
  });

  test('numbers stay as they are written, also beside a literal of Python', async () => {
    await visit.write(
      'def run(request, n, data: list, loud: bool = False):\n    return repr((n, data, loud))\n',
    );
    await visit.page.locator('#argument-n').fill('9007199254740993');
    await visit.page
      .locator('#argument-data')
      .fill('[1.0, null, "null \\"true\\/", "\\ud83d\\ude00"]');
    await visit.page.locator('#argument-loud').selectOption('True');
    await visit.run();
    const answer = await visit.result.locator('pre').innerText();
    assert.equal(answer, `(9007199254740993, [1.0, None, 'null "true/', '😀'], True)`);
  });

  test('arguments can be text, also an expression', async () => {
    await visit.write('def run(request, **kwargs):\n    return kwargs\n');
    await visit.page.getByLabel('as text').check();
    await visit.page.locator('#kwargs').fill("{'a': 2 ** 10}");
    await visit.run();
    assert.deepEqual(JSON.parse(await visit.result.locator('pre').innerText()), { a: 1024 });
  });

  test('path, method and function are what the adaptor sees', async () => {
    await visit.write(
      'def shout(request, word="x"):\n    return [request.method, request.path, word]\n',
    );
    await visit.page.getByText('How it is called').click();
    await visit.page.getByLabel('Path').fill('//evil.example/a');
    await visit.page.getByLabel('Method').selectOption('PUT');
    await visit.page.getByLabel('Function').fill('shout');
    await visit.page.locator('#argument-word').fill('yes');
    await visit.run();
    const answer = JSON.parse(await visit.result.locator('pre').innerText()) as unknown;
    assert.deepEqual(answer, ['PUT', '/evil.example/a', 'yes']);
  });

  test('tabs are there again, and what was closed can be opened again', async () => {
    await visit.write('def run():\n    return "kept"\n');
    await visit.page.getByRole('button', { name: 'New', exact: true }).click();
    await visit.write('def run():\n    return "second"\n');
    await visit.page.reload();
    const tabs = visit.page.locator('#drafts [role=tab]');
    assert.deepEqual(await tabs.allInnerTexts(), ['hello.py', 'new.py']);
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), 'second');
    await visit.page.getByRole('button', { name: 'Close' }).click();
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), 'kept');
    await visit.page.getByRole('button', { name: 'Reopen' }).click();
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), 'second');
  });

  test('an error is shown at its line, until it is mended', async () => {
    const marker = visit.page.locator('.cm-lint-marker-error');
    await visit.write('def run():\n    x = 1\n    return x / 0\n');
    await visit.pressRun();
    await visit.says('Failed after');
    const alert = visit.result.getByRole('alert');
    assert.match(await alert.innerText(), /^ZeroDivisionError: division by zero\n/);
    assert.equal(await marker.count(), 1);
    await visit.page.getByRole('button', { name: 'Go to line 3' }).click();
    const active = visit.page.locator('.cm-activeLine');
    assert.equal(await active.innerText(), '    return x / 0');
    await visit.write('def run()\n    return 1\n');
    await visit.pressRun();
    await visit.page.getByRole('button', { name: 'Go to line 1' }).waitFor();
    await visit.run('def run():\n    return "mended"\n');
    assert.equal(await visit.result.locator('pre').innerText(), 'mended');
    assert.equal(await marker.count(), 0);
  });

  test('a stream is shown as it comes, with its progress, and Escape stops it', async () => {
    await visit.write(
      'import time\n\ndef run(request):\n    for n in range(10_000):\n' +
        '        request.progress(n, 10_000)\n        yield f"line {n}\\n"\n        time.sleep(0.02)\n',
    );
    await visit.pressRun();
    await visit.result.getByText('line 5\n').waitFor();
    await visit.page.locator('#progress progress').waitFor();
    await visit.page.keyboard.press('Escape');
    await visit.says('Stopped after');
    assert.ok(await visit.page.getByRole('button', { name: 'Stop' }).isHidden());
    for (;;) {
      const calls = (await (await fetch(`${server.url}/_owt/calls`)).json()) as unknown[];
      if (calls.length === 0) break;
    }
  });

  test('another run takes the place of one that goes on', async () => {
    await visit.write('import time\n\ndef run():\n    yield "begun"\n    time.sleep(600)\n');
    await visit.pressRun();
    await visit.result.getByText('begun').waitFor();
    await visit.run('def run():\n    return "next"\n');
    assert.equal(await visit.result.locator('pre').innerText(), 'next');
  });

  test('files that are dropped go with the call', async () => {
    await visit.openExample('Files');
    const transfer = await visit.page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['dropped'], 'a b.txt', { type: 'text/plain' }));
      return transfer;
    });
    // Also over the editor, which would take its text.
    await visit.page.locator('#editor').dispatchEvent('drop', { dataTransfer: transfer });
    await visit.run();
    const sum = createHash('sha256').update('dropped').digest('hex');
    const cells = await visit.result.locator('td').allInnerTexts();
    assert.deepEqual(cells, ['a b.txt', 'text/plain', sum]);
    await visit.page.getByRole('button', { name: 'Remove a b.txt' }).click();
    await visit.run();
    assert.equal(await visit.result.locator('pre').innerText(), '[]');
  });

  test('it works with the keyboard alone', async () => {
    const { keyboard } = visit.page;
    const focused = () => visit.page.evaluate(() => document.activeElement?.id ?? '');
    for (let count = 0; (await focused()) !== 'editor'; count += 1) {
      assert.ok(count < 20);
      await keyboard.press('Tab');
    }
    await keyboard.press('Control+a');
    await keyboard.press('Delete');
    await keyboard.insertText('def run(word="a"):\n    return word * 3\n');
    await keyboard.press('Tab');
    assert.equal(await focused(), 'editor');
    await keyboard.press('Escape');
    await keyboard.press('Tab');
    for (let count = 0; (await focused()) !== 'argument-word'; count += 1) {
      assert.ok(count < 5);
      await keyboard.press('Tab');
    }
    await keyboard.type('ho');
    await keyboard.press('Control+Enter');
    await visit.says('Done in');
    assert.equal(await visit.result.locator('pre').innerText(), 'hohoho');
    for (let count = 0; (await focused()) !== 'run'; count += 1) {
      assert.ok(count < 10);
      await keyboard.press('Tab');
    }
    await keyboard.press('Enter');
    await visit.says('Done in');
    await keyboard.press('Tab');
    await keyboard.press('ArrowRight');
    await visit.page.getByLabel('The same call as').waitFor();
  });
});

test('each example runs', async () => {
  await visit.page.getByRole('button', { name: 'Examples' }).click();
  const names = await visit.page.locator('#examples button').allInnerTexts();
  await visit.page.keyboard.press('Escape');
  assert.equal(names.length, 8);
  for (const name of names) {
    await visit.openExample(name);
    await visit.pressRun();
    await visit.says('Done in');
    assert.equal(await visit.result.locator('.status').innerText(), '200', name);
  }
  // Those that nobody has changed do not pile up.
  assert.equal(await visit.page.locator('#drafts [role=tab]').count(), 1);
});

describe('answers', () => {
  test('JSON that is a table is one', async () => {
    await visit.openExample('A table');
    await visit.run();
    assert.deepEqual(await visit.result.locator('th').allInnerTexts(), ['word', 'count']);
    assert.equal(await visit.result.locator('tbody tr').count(), 4);
    await visit.page.getByRole('button', { name: 'Show as JSON' }).click();
    assert.match(await visit.result.locator('pre').innerText(), /^\[\n {2}\{\n/);
  });

  test('CSV is a table, with commas in its fields', async () => {
    await visit.run(
      'from owt import Response\n\ndef run():\n' +
        '    return Response(\'a,b\\n"1,5","say ""x"""\\n2,\\n\', headers={"Content-Type": "text/csv"})\n',
    );
    const cells = await visit.result.locator('td').allInnerTexts();
    assert.deepEqual(cells, ['1,5', 'say "x"', '2', '']);
  });

  test('a picture is seen', async () => {
    await visit.openExample('A picture');
    await visit.run();
    const width = () =>
      visit.result.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth);
    await visit.result.locator('img').evaluate((image: HTMLImageElement) => image.decode());
    assert.equal(await width(), 360);
  });

  test('sound is what the adaptor made, sample by sample', async () => {
    await visit.run(
      'from owt import Response\nfrom owt.summat import audio\n\ndef run():\n' +
        '    samples = [n / 100 - 0.5 for n in range(100)]\n' +
        '    return Response(audio.wav(samples, 8000), headers={"Content-Type": "audio/wav"})\n',
    );
    const sound = visit.result.locator('audio');
    const duration = await sound.evaluate(async (element: HTMLAudioElement) => {
      while (Number.isNaN(element.duration)) await new Promise((later) => setTimeout(later, 10));
      await element.play();
      return element.duration;
    });
    assert.ok(Math.abs(duration - 100 / 8000) < 1e-3);
    const coming = visit.page.waitForEvent('download');
    await visit.page.getByRole('link', { name: 'Download' }).click();
    const download = await coming;
    assert.equal(download.suggestedFilename(), 'hello.wav');
    const bytes = [...readFileSync(await download.path())];
    const decoder = await browser.context.newPage();
    const samples = await decoder.evaluate(async (bytes) => {
      const context = new OfflineAudioContext(1, 100, 8000);
      const decoded = await context.decodeAudioData(new Uint8Array(bytes).buffer);
      return [...decoded.getChannelData(0)];
    }, bytes);
    await decoder.close();
    assert.equal(samples.length, 100);
    for (const [n, sample] of samples.entries()) {
      assert.ok(Math.abs(sample - (n / 100 - 0.5)) < 1e-3, `sample ${n} is ${sample}`);
    }
  });

  test('events are listed as they come', async () => {
    await visit.openExample('Server-sent events');
    await visit.page.locator('#argument-pause').fill('0');
    await visit.run();
    assert.equal(await visit.result.locator('.events li').count(), 5);
    assert.match(await visit.result.locator('.events pre').first().innerText(), /"tick": ?0/);
  });

  test('what is no text can be downloaded', async () => {
    await visit.run('def run():\n    return bytes(range(256))\n');
    const coming = visit.page.waitForEvent('download');
    await visit.page.getByRole('link', { name: 'Download' }).click();
    const bytes = readFileSync(await (await coming).path());
    assert.deepEqual(
      [...bytes],
      Array.from({ length: 256 }, (_, byte) => byte),
    );
  });

  test('an answer that breaks off shows what there was, and says so', async () => {
    await visit.write(
      'import time\n\ndef run():\n    yield "a"\n    time.sleep(0.1)\n    raise ValueError\n',
    );
    await visit.pressRun();
    await visit.says('Failed after');
    assert.equal(await visit.result.locator('pre').innerText(), 'a');
    assert.match(await visit.result.getByRole('alert').innerText(), /broke off/);
  });

  test('status, type and time are over it, and headers at hand', async () => {
    await visit.run('def run():\n    return "no", 404, {"X-Own": "header"}\n');
    assert.match(await visit.result.locator('.facts').innerText(), /404.*text\/plain/s);
    assert.match(await visit.result.locator('.legend').innerText(), /queue.*load.*run/s);
    await visit.page.getByText('Headers', { exact: true }).click();
    assert.match(await visit.result.locator('.headers dl').innerText(), /x-own\s+header/);
  });

  test('what an adaptor answers is never HTML of the page', async () => {
    const hostile = '<img src=x onerror=document.title=1>';
    await visit.run(`def run():\n    return [{"${hostile}": "${hostile}"}]\n`);
    assert.equal(await visit.result.locator('td').innerText(), hostile);
    await visit.write(`def run():\n    raise ValueError("${hostile}")\n`);
    await visit.pressRun();
    await visit.says('Failed after');
    assert.equal(await visit.result.locator('img').count(), 0);
    assert.equal(await visit.page.title(), 'owt');
  });
});
