/** The package as npm has it: its size, and what who installs it gets. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** What `npm pack` has made. */
const TARBALL = process.env.OWT_TARBALL ?? assert.fail('run by: cargo xtask test web');

const LIMIT = 40_000;

const TSC = fileURLToPath(import.meta.resolve('typescript/package.json')).replace(
  'package.json',
  'bin/tsc',
);

/** The bundler that the package itself is built with. */
const ESBUILD = join(import.meta.dirname, '../../owt-client-wasm/node_modules/.bin/esbuild');

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'owt-install-'));
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  execFileSync('npm', ['install', '--silent', '--offline', TARBALL], { cwd: folder });
});
after(() => rmSync(folder, { recursive: true }));

test('it has no more than 40 KB, packed', (context) => {
  const { size } = statSync(TARBALL);
  const file = join(folder, 'node_modules/owt-client/dist/owt-client.js');
  const module = gzipSync(readFileSync(file), { level: 9 }).length;
  context.diagnostic(`${size} bytes, of which the module is ${module}`);
  assert(size <= LIMIT, `${size} bytes`);
});

describe('a program in an empty folder', () => {
  const CALL = "console.log(owtify('localhost', 'adaptor.py', { prompt: 'hi' }));";
  const URL = 'http://localhost/?code_b64=cnVuID0gMQo&kwargs_b64=eyJwcm9tcHQiOiJoaSJ9\n';

  for (const [kind, name, load] of [
    ['an ES module', 'app.mjs', "import { owtify } from 'owt-client';"],
    ['CommonJS', 'app.cjs', "const { owtify } = require('owt-client');"],
  ] as const) {
    test(`as ${kind}`, () => {
      writeFileSync(join(folder, 'adaptor.py'), 'run = 1\n');
      writeFileSync(join(folder, name), `${load}\n${CALL}\n`);
      const { stdout, stderr } = spawnSync(process.execPath, [name], {
        cwd: folder,
        encoding: 'utf8',
      });
      assert.deepEqual([stdout, stderr], [URL, '']);
    });
  }
});

describe('what signs URLs', () => {
  const SIGN = `import { owtifySigned } from 'owt-client/sign';
const options = { urlKey: 'A'.repeat(43), expires: new Date(0) };
console.log(owtifySigned('localhost', '1', null, options).replace(/[0-9a-f]{64}$/, ''));
`;

  test('is there for Node', () => {
    writeFileSync(join(folder, 'sign.mjs'), SIGN);
    const { stdout, stderr } = spawnSync(process.execPath, ['sign.mjs'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.deepEqual([stdout, stderr], ['http://localhost/?code_b64=MQ&owt_signature=v1.0.\n', '']);
  });

  // A key in a page is everybody's, so no bundler may take this into one.
  test('is in no bundle for a page', () => {
    writeFileSync(join(folder, 'sign.mjs'), SIGN);
    const options = ['--bundle', '--platform=browser', '--outfile=bundle.js'];
    const { status, stderr } = spawnSync(ESBUILD, ['sign.mjs', ...options], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stderr, /Could not resolve "owt-client\/sign"/);
  });
});

test('an error that nobody catches is shown without the code of the package', () => {
  writeFileSync(
    join(folder, 'wrong.mjs'),
    `import { owtify } from 'owt-client';\nowtify('ftp://host', '1');\n`,
  );
  const { stderr } = spawnSync(process.execPath, ['wrong.mjs'], { cwd: folder, encoding: 'utf8' });
  assert.match(stderr, /\[OwtError\]: the base URL is neither http nor https/);
  assert(stderr.length < 2_000, `${stderr.length} characters`);
});

describe('a program in TypeScript', () => {
  function errors(source: string, ...options: string[]): string {
    mkdirSync(join(folder, 'ts'), { recursive: true });
    writeFileSync(join(folder, 'ts/app.mts'), source);
    const strict = [
      '--noEmit',
      // On a terminal, or where the environment asks for colour, it writes for people.
      '--pretty',
      'false',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2022,dom',
      '--types',
      '',
    ];
    const { stdout } = spawnSync(process.execPath, [TSC, ...strict, ...options, 'ts/app.mts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return stdout.replace(/^.*?: error (TS\d+).*$/gm, '$1').trim();
  }

  const PROGRAM = `
import { Owt, OwtError, owtify } from 'owt-client';
interface Settings { size: number; photo: Uint8Array }
const settings: Settings = { size: 1, photo: new Uint8Array() };
const url: string = owtify('localhost', new URL('file:///a.py'), settings, { timeout: 3 });
const owt = new Owt(url, { auth: { user: 'ann', password: 'x' } });
const reply: Response = await owt.call('1', null, { signal: AbortSignal.timeout(1) });
for await (const chunk of owt.stream('1')) chunk.byteLength;
for await (const text of owt.stream('1', {}, { as: 'text' })) text.length;
for await (const { event, data, id } of owt.events('1')) [event.length, data.length, id?.length];
try { reply.ok; } catch (err) { if (err instanceof OwtError && err.code === 'deadline') err.status; }
`;

  for (const resolution of ['nodenext', 'bundler']) {
    test(`is checked, with ${resolution} resolution`, () => {
      const module = resolution === 'bundler' ? 'esnext' : 'nodenext';
      const options = ['--module', module, '--moduleResolution', resolution];
      assert.equal(errors(PROGRAM, ...options), '');
      const wrong = "import { owtify } from 'owt-client';\nowtify('localhost', 3);\n";
      assert.equal(errors(wrong, ...options), 'TS2345');
    });
  }
});
