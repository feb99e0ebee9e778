/** Agents in TypeScript: the official client finds and calls tools, and the protocol's own suite is content. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './mcp/node_modules/@modelcontextprotocol/sdk/dist/esm/client/index.js';
import { StreamableHTTPClientTransport } from './mcp/node_modules/@modelcontextprotocol/sdk/dist/esm/client/streamableHttp.js';
import { Server } from './harness/server.ts';

const MODULES = join(import.meta.dirname, 'mcp/node_modules');

/** The suite needs Node 22, which is installed beside it where this is an older one. */
const NODE =
  Number.parseInt(process.versions.node, 10) >= 22
    ? process.execPath
    : join(MODULES, `node-${process.platform}-${process.arch}/bin/node`);

/** What the suite calls, by the names that it knows. */
const TOOLS = `
import base64
import time

from owt.summat import audio

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)


def simple_text() -> str:
    """A text."""
    return "This is a simple text response for testing."


def image_content():
    """A picture."""
    return PNG, 200, {"Content-Type": "image/png"}


def audio_content():
    """A sound."""
    return audio.wav([0, 1000, -1000], 8000), 200, {"Content-Type": "audio/wav"}


def embedded_resource():
    """A file."""
    return bytes(2), 200, {"Content-Type": "application/octet-stream"}


def error_handling():
    """It raises."""
    raise ValueError("This tool intentionally returns an error for testing")


def tool_with_progress(request):
    """It says how far it is."""
    for step in (0, 50, 100):
        request.progress(step, 100, f"Completed step {step} of 100")
        time.sleep(0.1)
    return "done"
`;

const NAMES = [
  'simple_text',
  'image_content',
  'audio_content',
  'embedded_resource',
  'error_handling',
  'tool_with_progress',
];

const WAITS = `
import time
from pathlib import Path

def run(request, note):
    request.progress(1, 2, "waits")
    try:
        for _ in range(6000):
            time.sleep(0.01)
    finally:
        Path(note).write_text("finally")
`;

let folder: string;
let server: Server;
let client: Client;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'owt-mcp-'));
  const tools = join(folder, 'tools.py');
  writeFileSync(tools, TOOLS);
  const routes = NAMES.flatMap((name) => ['--route', `/test/${name}=${tools}:${name}`]);
  server = await Server.start(...routes, '--workers', '2');
  client = new Client({ name: 'owt-tests', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/_owt/mcp`)));
});
after(async () => {
  await client.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('tools are listed', async () => {
  const { tools } = await client.listTools();
  const ofCode = ['run_python', 'call_adaptor', 'list_adaptors'];
  const ofEndpoints = NAMES.map((name) => `test_${name}`);
  assert.deepEqual(
    tools.map(({ name }) => name),
    [...ofCode, ...ofEndpoints],
  );
});

test('code is run, and answers a value', async () => {
  const code = 'lambda a: {"twice": 2 * a}';
  const result = await client.callTool({
    name: 'run_python',
    arguments: { code, kwargs: { a: 4 } },
  });
  assert.deepEqual(result.structuredContent, { twice: 8 });
});

test('a picture comes as one', async () => {
  const result = await client.callTool({ name: 'test_image_content' });
  const [block] = result.content as { type: string; mimeType: string; data: string }[];
  assert.deepEqual([block?.type, block?.mimeType], ['image', 'image/png']);
  assert.equal(Buffer.from(block?.data ?? '', 'base64').toString('latin1', 1, 4), 'PNG');
});

test('progress is told', async () => {
  const told: unknown[] = [];
  const call = { name: 'test_tool_with_progress' };
  await client.callTool(call, undefined, { onprogress: (progress) => told.push(progress) });
  assert.deepEqual(told.at(-1), {
    progress: 100,
    total: 100,
    message: 'Completed step 100 of 100',
  });
});

test('a call that is cancelled ends', async () => {
  const note = join(folder, 'note');
  const leaves = new AbortController();
  const call = client.callTool(
    { name: 'run_python', arguments: { code: WAITS, kwargs: { note } } },
    undefined,
    { signal: leaves.signal, onprogress: () => leaves.abort() },
  );
  await assert.rejects(call);
  for (let waited = 0; !existsSync(note) && waited < 20_000; waited += 10) {
    await sleep(10);
  }
  assert.equal(readFileSync(note, 'utf8'), 'finally');
});

for (const scenario of [
  'server-initialize',
  'ping',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-error',
  'tools-call-with-progress',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
]) {
  test(`the suite of the protocol passes: ${scenario}`, () => {
    assert.ok(existsSync(NODE), 'the suite needs Node 22 or newer: install one');
    const suite = join(MODULES, '@modelcontextprotocol/conformance/dist/index.js');
    const url = `${server.url}/_owt/mcp`;
    const done = spawnSync(NODE, [suite, 'server', '--url', url, '--scenario', scenario], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.match(done.stdout, /Passed: (\d+)\/\1, 0 failed, 0 warnings/, done.stdout + done.stderr);
  });
}
