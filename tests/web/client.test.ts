/** `Owt` in Node, against a real server. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CallOptions, Owt, OwtError, type Progress } from 'owt-client';
import { Server } from './harness/server.ts';
import { Wire } from './harness/wire.ts';

let server: Server;
let owt: Owt;

before(async () => {
  server = await Server.start();
  owt = new Owt(`${server.url}/hello`);
});
after(() => server.stop());

/** The error that something fails with. */
async function failure(promise: Promise<unknown>): Promise<OwtError> {
  try {
    await promise;
  } catch (err) {
    assert(err instanceof OwtError, String(err));
    return err;
  }
  return assert.fail('nothing failed');
}

test('an adaptor is called with its arguments', async () => {
  const source = 'def run(request, name):\n    return [request.method, request.path, name]\n';
  const reply = await owt.call(source, { name: 'Ann' });
  assert.deepEqual(await reply.json(), ['POST', '/hello', 'Ann']);
});

test('every field of a call is sent', async () => {
  const source = 'import random\ndef main(request, n): return str(random.random())\n';
  const call = async (n: number): Promise<string> => {
    const options = { fnName: 'main', useCache: true, cacheKwargs: true, timeout: 60 };
    return (await owt.call(source, { n }, options)).text();
  };
  assert.equal(await call(1), await call(1));
  assert.notEqual(await call(1), await call(2));
});

test("tracebacks name an adaptor's file, wherever the call is sent", async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'owt-')), 'my adaptor.py');
  writeFileSync(file, 'def run():\n    return 1 / 0\n');
  for (const options of [{}, { body: 'the body' }]) {
    const { message } = await failure(owt.call(file, null, { ...options, reload: true }));
    assert.match(message, / {2}File "my adaptor\.py", line 2, in run\n/);
  }
});

test("a body is the handler's, and so are method and headers", async () => {
  const source =
    'def run(request): return [request.method, request.headers["x-a"], request.get_data().decode()]';
  const options = { method: 'PUT', headers: { 'x-a': 'b' }, body: 'the body' };
  const reply = await owt.call(source, null, options);
  assert.deepEqual(await reply.json(), ['PUT', 'b', 'the body']);
});

test('a body that is a stream is sent as it comes', async () => {
  const body = () => new Blob(['a', 'b']).stream();
  const source = 'def run(request): return request.get_data()';
  for (let round = 0; round < 2; round++) {
    const reply = await owt.call(source, null, { body: body() });
    assert.equal(await reply.text(), 'ab');
  }
});

describe('source is sent once', () => {
  const source = `def run(n): return str(n)\n${'# a comment\n'.repeat(8_500)}`;

  test('the second call of 100 KB sends less than 1 KB', async () => {
    const wire = new Wire();
    const owt = new Owt(server.url, { fetch: wire.fetch });
    assert.equal(await (await owt.call(source, { n: 1 })).text(), '1');
    assert.equal(await (await owt.call(source, { n: 2 })).text(), '2');
    const [first = 0, second = 0] = wire.sizes;
    assert(first > 100_000 && second < 1_000, String(wire.sizes));
  });

  test('a server that was started anew is sent it again', async () => {
    const wire = new Wire();
    const first = await Server.start();
    const owt = new Owt(first.url, { fetch: wire.fetch });
    await owt.call(source, { n: 1 });
    await first.stop();
    const second = await Server.start('--port', first.port);
    try {
      assert.equal(await (await owt.call(source, { n: 2 })).text(), '2');
      assert.deepEqual(
        wire.sizes.map((size) => size > 100_000),
        [true, false, true],
      );
    } finally {
      await second.stop();
    }
  });
});

describe('errors tell who speaks', () => {
  test("owt's own have its code, words and status", async () => {
    const err = await failure(owt.call('def walk(): pass'));
    assert.deepEqual(
      [err.code, err.status, err.response?.headers.get('owt-error')],
      ['entry-missing', 422, 'entry-missing'],
    );
    assert.equal(
      err.message,
      `The code has no function 'run' at its top level: it defines walk. Write one, as in \`def run(request): return "hello"\`, or name another function in fn_name.`,
    );
  });

  test('problem details are understood, too', async () => {
    const headers = { accept: 'application/json' };
    const err = await failure(owt.call('def walk(): pass', null, { headers }));
    assert.match(err.message, /^The code has no function 'run'/);
  });

  test('a HEAD, whose error has no body', async () => {
    const headers = { accept: 'application/json' };
    const err = await failure(owt.call('def walk(): pass', null, { method: 'HEAD', headers }));
    assert.equal(err.code, 'entry-missing');
    assert.equal(err.message, 'owt answered entry-missing');
  });

  test("an adaptor's own answer is none, whatever its status", async () => {
    const reply = await owt.call('def run(): abort(404, "no such thing")');
    assert.deepEqual([reply.status, await reply.text()], [404, 'no such thing']);
  });

  test('a stream of another status is one, with the answer', async () => {
    const err = await failure(owt.stream('def run(): return "x", 418').next());
    assert.deepEqual([err.code, err.status], ['answer-status', 418]);
    assert.equal(err.message, 'The adaptor answered with status 418');
  });

  test('a call that runs too long', async () => {
    const source = 'import time\ndef run(): time.sleep(60)\n';
    const err = await failure(owt.call(source, null, { timeout: 0.1 }));
    assert.deepEqual([err.code, err.status], ['deadline', 504]);
  });

  test('a server that is not there', async () => {
    const err = await failure(new Owt('http://127.0.0.1:1/?secret').call('1'));
    assert.equal(err.code, 'unreachable');
    assert.equal(err.message, 'No owt answers at http://127.0.0.1:1. Start it with owt serve');
  });

  test('a base that is no HTTP URL', () => {
    assert.throws(() => new Owt('ftp://host'), {
      code: 'base-scheme',
      message: 'the base URL is neither http nor https',
    });
  });

  test('an answer that breaks off', async () => {
    const source = 'def run():\n    yield "begun"\n    raise ValueError\n';
    const err = await failure(drained(owt.stream(source)));
    assert.equal(err.code, 'answer-broken');
  });
});

async function drained<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('an answer is read as it comes', () => {
  // The second part comes only once the first has been read, and its reader has called again.
  const source = `
import threading
read = threading.Event()
def run(step):
    if step == "read":
        return read.set()
    def parts():
        yield "gr\\u00fc".encode()[:3]
        assert read.wait(30)
        yield "gr\\u00fc".encode()[3:] + b"n"
    return parts()
`;

  test('as bytes', async () => {
    const parts: string[] = [];
    for await (const part of owt.stream(source, { step: 'begin' })) {
      if (parts.length === 0) await owt.call(source, { step: 'read' });
      parts.push(Buffer.from(part).toString('hex'));
    }
    assert.deepEqual(parts, ['6772c3', 'bc6e']);
  });

  test('as text, with no character cut in two', async () => {
    await owt.call(source, { step: 'read' });
    const parts = await drained(owt.stream(source, { step: 'begin' }, { as: 'text' }));
    assert.equal(parts.join(''), 'grün');
  });

  test('as events', async () => {
    const source = `
def run(n):
    def events():
        for i in range(n):
            yield f"id: {i}\\nevent: step\\ndata: line {i}\\ndata: and more\\n\\n"
        yield ": a comment\\n\\ndata: done\\n\\ndata: cut"
    return events(), {"Content-Type": "text/event-stream"}
`;
    assert.deepEqual(await drained(owt.events(source, { n: 2 })), [
      { event: 'step', data: 'line 0\nand more', id: '0' },
      { event: 'step', data: 'line 1\nand more', id: '1' },
      { event: 'message', data: 'done', id: undefined },
    ]);
  });

  test('as events, if it is some', async () => {
    const err = await failure(owt.events('lambda: "text"').next());
    assert.equal(err.code, 'not-events');
    assert.equal(
      err.message,
      'The adaptor answered with text/plain; charset=utf-8, not with text/event-stream: give its reply that Content-Type',
    );
  });
});

describe('progress is told', () => {
  const source = `
import threading, time
seen = threading.Event()
def run(step, fail=False):
    if step == "seen":
        return seen.set()
    seen.clear()
    def parts():
        for part in owt.progress(["a", "b"], text="reading"):
            yield part
            seen.wait(30)
        if fail:
            raise ValueError
    return parts() if step == "stream" else "".join(parts())
`;

  /** Calls the adaptor, which goes on once its first progress was told. */
  async function told(
    comment: string,
    read: (adaptor: string, options: CallOptions) => Promise<unknown>,
  ): Promise<Progress[]> {
    const all: Progress[] = [];
    const adaptor = source + comment;
    const onProgress = (progress: Progress): void => {
      all.push(progress);
      if (all.length === 1) void owt.call(adaptor, { step: 'seen' });
    };
    await read(adaptor, { onProgress });
    return all;
  }

  test('while a call runs', async () => {
    const all = await told('# 1', async (adaptor, options) => {
      const reply = await owt.call(adaptor, { step: 'whole' }, options);
      assert.equal(await reply.text(), 'ab');
    });
    assert.deepEqual(all[0], { done: 0, total: 2, text: 'reading' });
  });

  test('while an answer is read, under an id of one’s own', async () => {
    const all = await told('# 2', async (adaptor, options) => {
      const headers = { 'Owt-Request-Id': 'mine' };
      const parts = owt.stream(adaptor, { step: 'stream' }, { ...options, headers, as: 'text' });
      assert.equal((await drained(parts)).join(''), 'ab');
    });
    assert.deepEqual(all[0], { done: 0, total: 2, text: 'reading' });
  });

  test('until a call fails', async () => {
    await told('# 3', async (adaptor, options) => {
      const err = await failure(owt.call(adaptor, { step: 'whole', fail: true }, options));
      assert.equal(err.code, 'adaptor-raised');
    });
  });

  test('not of a call that reports nothing', async () => {
    const wire = new Wire();
    const owt = new Owt(server.url, { fetch: wire.fetch });
    const onProgress = (): void => assert.fail('there is none');
    const reply = await owt.call('lambda: "done"', null, { onProgress });
    assert.equal(await reply.text(), 'done');
    assert.equal(wire.sizes.length, 1);
  });
});

describe('a job', () => {
  const source = `
import threading
go = threading.Event()
def run(request, step):
    if step == "go":
        return go.set()
    request.progress(1, 2, "half")
    go.wait(30)
    return {"done": True}, 202
`;

  test('goes on without its client, and keeps its answer', async () => {
    const job = await owt.submit(source, { step: 'wait' });
    const same = owt.job(job.id);
    const all: Progress[] = [];
    const onProgress = (progress: Progress): void => {
      all.push(progress);
      if (all.length === 1) void owt.call(source, { step: 'go' });
    };
    const reply = await same.result({ onProgress });
    assert.deepEqual(all[0], { done: 1, total: 2, text: 'half' });
    // The status is the adaptor's own, though it is that of a job that runs.
    assert.equal(reply.status, 202);
    assert.deepEqual(await reply.json(), { done: true });
    const status = await job.status();
    const { state, method, path } = status;
    assert.deepEqual({ state, method, path }, { state: 'done', method: 'POST', path: '/hello' });
    assert.equal(status.bytes, '{"done":true}'.length);
    assert((await owt.jobs()).some(({ id }) => id === job.id));
    await job.cancel();
    const err = await failure(job.result());
    assert.deepEqual([err.code, err.status], ['job-unknown', 404]);
  });

  test('is cancelled', async () => {
    const job = await owt.submit('import time\ndef run(): time.sleep(30)\n');
    assert.equal((await job.status()).state, 'running');
    const waiting = failure(job.result());
    await owt.jobs();
    await job.cancel();
    assert.match((await waiting).code, /^(cancelled|job-unknown)$/);
  });

  test('is waited for no longer than somebody wants', async () => {
    const job = await owt.submit('import time\ndef run(): time.sleep(30)\n# 2\n');
    const reason = new Error('enough');
    const controller = new AbortController();
    const waiting = job.result({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    assert.equal((await job.status()).state, 'running');
    await job.cancel();
  });

  test('has an id that leads to no other place', () => {
    for (const id of ['', '.', '..', '../../?code_b64=MQ#', 'a/b', 'a?b', 'a%2fb', 'a\n', 'ä']) {
      assert.throws(() => owt.job(id), { name: 'OwtError', code: 'job-unknown' });
    }
    assert.equal(owt.job('A-b_c.~9').id, 'A-b_c.~9');
  });

  test('fails as its call would', async () => {
    const err = await failure((await owt.submit('def run(): 1 / 0\n')).result());
    assert.equal(err.code, 'adaptor-raised');
  });

  test('brings its source again to a server that has forgotten it', async () => {
    const source = 'def run(): return "known"\n';
    const reply = await owt.call(source);
    const digest = reply.headers.get('owt-code-sha256');
    await fetch(`${server.url}/_owt/adaptors/${digest}`, { method: 'DELETE' });
    assert.equal(await (await (await owt.submit(source)).result()).text(), 'known');
  });

  test('brings it again for each of the calls that find so at once', async () => {
    const source = 'def run(n): return str(n)\n';
    const reply = await owt.call(source, { n: 0 });
    const digest = reply.headers.get('owt-code-sha256');
    await fetch(`${server.url}/_owt/adaptors/${digest}`, { method: 'DELETE' });
    const replies = await Promise.all([1, 2, 3].map((n) => owt.call(source, { n })));
    const texts = await Promise.all(replies.map((each) => each.text()));
    assert.deepEqual(texts, ['1', '2', '3']);
  });

  test('is none where the server takes none', async () => {
    const other = new Owt(server.url, { fetch: async () => new Response('plain') });
    assert.equal((await failure(other.submit('1'))).code, 'no-job');
  });
});

describe('who stops reading ends the call on the server', () => {
  const source = `
import threading, time
ended = threading.Event()
def run(step):
    if step == "wait":
        return str(ended.wait(30))
    def ticks():
        try:
            while True:
                yield "tick"
                time.sleep(0.01)
        finally:
            ended.set()
    return ticks()
`;

  async function hasEnded(comment: string): Promise<string> {
    return (await owt.call(source + comment, { step: 'wait' })).text();
  }

  test('by leaving the loop', async () => {
    for await (const _ of owt.stream(`${source}# 1`, { step: 'tick' })) break;
    assert.equal(await hasEnded('# 1'), 'True');
  });

  test('by a signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await assert.rejects(async () => {
      const options = { signal: controller.signal };
      for await (const _ of owt.stream(`${source}# 2`, { step: 'tick' }, options)) {
        controller.abort(reason);
      }
    }, reason);
    assert.equal(await hasEnded('# 2'), 'True');
  });

  test('and nothing is sent after an abort', async () => {
    const wire = new Wire();
    const owt = new Owt(server.url, { fetch: wire.fetch });
    await assert.rejects(owt.call('1', null, { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
    assert.deepEqual(wire.sizes, []);
  });
});

describe('who calls', () => {
  let guarded: Server;
  const password = 'open sésame: 100%';

  before(async () => {
    const digest = createHash('sha256').update(password).digest('hex');
    guarded = await Server.start('--auth', `ann:${digest}`);
  });
  after(() => guarded.stop());

  test('is told by auth, or by the base URL', async () => {
    const inUrl = guarded.url.replace('//', `//ann:${encodeURIComponent(password)}@`);
    for (const owt of [
      new Owt(guarded.url, { auth: `ann:${password}` }),
      new Owt(guarded.url, { auth: { user: 'ann', password } }),
      new Owt(inUrl),
    ]) {
      assert.equal(await (await owt.call('lambda: "well"')).text(), 'well');
    }
  });

  test('and who is nobody is refused', async () => {
    assert.equal((await failure(new Owt(guarded.url).call('1'))).code, 'auth-required');
  });
});
