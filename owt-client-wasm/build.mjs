/** Makes the package's one JavaScript file, with the WebAssembly in it: `node build.mjs`. */

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

await build({
  entryPoints: ['ts/index.ts'],
  outfile: 'dist/owt-client.js',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  // Node prints the whole line in which an error is thrown that nobody catches.
  lineLimit: 120,
  // What its licence, which is that of LICENSE-MIT, asks for in copies.
  banner: { js: '/*! with eventsource-parser, (c) 2026 Espen Hovlandsdal, MIT */' },
  plugins: [hexadecimal],
});
