/** Makes the package's JavaScript: `node build.mjs`. One file has it all, the WebAssembly as well. */

import { readFile } from 'node:fs/promises';
import { build } from 'esbuild';

/**
 * Puts bytes into the file as hexadecimal text. It is longer than base64, but shorter once it is
 * compressed on its way, because what repeats in the bytes repeats in the text.
 */
const hexadecimal = {
  name: 'hexadecimal',
  setup({ onLoad }) {
    onLoad({ filter: /\.wasm$/ }, async ({ path }) => ({
      contents: `export default '${(await readFile(path)).toString('hex')}'`,
      loader: 'js',
    }));
  },
};

const options = {
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  // Node prints the whole line in which an error is thrown that nobody catches.
  lineLimit: 120,
};

await build({
  ...options,
  entryPoints: ['ts/index.ts'],
  outfile: 'dist/owt-client.js',
  // What its licence, which is that of LICENSE-MIT, asks for in copies.
  banner: { js: '/*! with eventsource-parser, (c) 2026 Espen Hovlandsdal, MIT */' },
  plugins: [hexadecimal],
});

/** Leaves the first file where it is, so that the second has only what signs. */
const beside = {
  name: 'beside',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/index\.js$/ }, () => ({ path: './owt-client.js', external: true }));
  },
};

await build({
  ...options,
  entryPoints: ['ts/sign.ts'],
  outfile: 'dist/sign.js',
  external: ['node:crypto'],
  plugins: [beside],
});
