/** A client that openapi-typescript makes from the description of named endpoints: it compiles, and calls. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from './harness/server.ts';

/** The generator needs the TypeScript before the one of the other tests. */
const MODULES = join(import.meta.dirname, 'openapi/node_modules');

const SHOP = `
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Item:
    name: str
    price: float
    tags: list[str] = field(default_factory=list)


@dataclass
class Order:
    items: int
    total: float


def price(item: Item, count: int = 1) -> Order:
    return Order(count, item.price * count)


def search(kind: Literal["book", "disc"], sizes: list[int] = []) -> list[str]:
    return [kind, *map(str, sizes)]


def show(number: int) -> dict[str, int]:
    return {"number": number}
`;

const PROGRAM = `
import createClient from 'openapi-fetch';
import type { paths } from './schema.js';

const { GET, POST } = createClient<paths>({ baseUrl: process.argv[2]! });
const order = await POST('/price', { body: { item: { name: 'owl', price: 1.5 }, count: 3 } });
const total: number | undefined = order.data?.total;
const found = await GET('/search', { params: { query: { kind: 'disc', sizes: [1, 2] } } });
const names: string[] | undefined = found.data;
const item = await GET('/items/{number}', { params: { path: { number: 7 } } });
const wrong = await GET('/search', { params: { query: { kind: 'cassette' as 'disc' } } });
console.log(JSON.stringify([total, names, item.data, wrong.response.status, wrong.data ?? null]));
`;

let folder: string;
let server: Server;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'owt-openapi-'));
  const shop = join(folder, 'shop.py');
  writeFileSync(shop, SHOP);
  const routes = ['POST /price=#price', 'GET /search=#search', 'GET /items/{number}=#show'];
  const options = routes.flatMap((route) => ['--route', route.replace('#', `${shop}:`)]);
  server = await Server.start(...options, '--only-routes');
  symlinkSync(MODULES, join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  execFileSync(
    process.execPath,
    [
      join(MODULES, 'openapi-typescript/bin/cli.js'),
      `${server.url}/_owt/openapi.json`,
      '--output',
      'schema.d.ts',
    ],
    { cwd: folder, stdio: 'pipe' },
  );
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** What the compiler says of a program, which is left as JavaScript beside it. */
function compiled(name: string, source: string): string {
  writeFileSync(join(folder, name), source);
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--pretty', 'false'];
  const libraries = ['--lib', 'es2022,dom', '--skipLibCheck'];
  const compiler = join(MODULES, 'typescript/bin/tsc');
  const done = spawnSync(process.execPath, [compiler, ...options, ...libraries, name], {
    cwd: folder,
    encoding: 'utf8',
  });
  return done.stdout;
}

test('it compiles, and calls', () => {
  const declared = `declare const process: { argv: string[] };\n`;
  assert.equal(compiled('app.ts', declared + PROGRAM), '');
  const done = spawnSync(process.execPath, ['app.js', server.url], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(done.stderr, '');
  assert.deepEqual(JSON.parse(done.stdout), [4.5, ['disc', '1', '2'], { number: 7 }, 422, null]);
});

for (const [what, call] of [
  [
    'an argument of another type',
    "POST('/price', { body: { item: { name: 'owl', price: '1' } } })",
  ],
  ['an argument that is missing', "POST('/price', { body: { count: 3 } })"],
  ['a value that is none of those', "GET('/search', { params: { query: { kind: 'cassette' } } })"],
  ['a path that is no endpoint', "GET('/nothing')"],
  ['a method that is none of its path', "GET('/price')"],
] as const) {
  test(`${what} does not compile`, () => {
    const source = `
import createClient from 'openapi-fetch';
import type { paths } from './schema.js';
const { GET, POST } = createClient<paths>({ baseUrl: '' });
await POST('/price', { body: { item: { name: 'owl', price: 1 } } });
await GET('/search', { params: { query: { kind: 'disc' } } });
await ${call};
`;
    assert.match(compiled('wrong.ts', source), /^wrong\.ts\(7,\d+\): error TS\d+/);
  });
}
