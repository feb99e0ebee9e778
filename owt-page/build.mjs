/** Makes the page's files: `node build.mjs`. Its client is the copy that the server carries. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const options = { bundle: true, minify: true, write: false, outdir: 'dist' };

const script = await text({
  ...options,
  entryPoints: ['ts/main.ts'],
  format: 'esm',
  target: 'es2022',
  lineLimit: 120,
  alias: { 'owt-client': '../owt-server/src/front/client.js' },
  // What their licences, which are that of LICENSE-MIT, ask for in copies.
  banner: { js: '/*! with CodeMirror and Lezer, (c) Marijn Haverbeke and others, MIT */' },
});
const style = await text({
  ...options,
  entryPoints: ['page.css'],
  target: ['chrome125', 'firefox128', 'safari17.4'],
});

/** All of it in one file, whose parts the server's policy names by their digests. */
const page = (await readFile('page.html', 'utf8'))
  .replace('<link rel="stylesheet" href="page.css" />', () => `<style>${style}</style>`)
  .replace(
    '<script type="module" src="page.js"></script>',
    () => `<script type="module">${script}</script>`,
  );
await mkdir('dist', { recursive: true });
await writeFile('dist/page.html', page);
await writeFile('dist/frame.html', await readFile('frame.html'));

async function text(options) {
  const { outputFiles } = await build(options);
  return outputFiles[0].text.trimEnd();
}
