/** The WebAssembly module, started when it is first needed. */

import { absolute, Envelope, initSync } from '../core/core.js';
import hexadecimal from '../core/core_bg.wasm';
import { type ClientErrorCode, OwtError } from './error.js';

/** The exports in use. The rest of the glue code, which loads the module from a URL, is left out. */
const CORE = { absolute, Envelope };

let isStarted = false;

/**
 * Calls into the module, with its errors as `OwtError`s.
 *
 * Starting it takes a few milliseconds, and fails only in a page that forbids it.
 */
export function withCore<T>(use: (core: typeof CORE) => T): T {
  start();
  try {
    return use(CORE);
  } catch (thrown) {
    throw typeof thrown === 'string' ? fromText(thrown) : thrown;
  }
}

function start(): void {
  if (isStarted) return;
  try {
    initSync({ module: bytes() });
  } catch (cause) {
    throw new OwtError(
      'wasm-blocked',
      "This page may not run WebAssembly: add 'wasm-unsafe-eval' to script-src in its Content-Security-Policy",
      { cause },
    );
  }
  isStarted = true;
}

function bytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: hexadecimal.length / 2 }, (_, index) =>
    Number.parseInt(hexadecimal.slice(2 * index, 2 * index + 2), 16),
  );
}

/** The module throws the code, a space, and a message. */
function fromText(text: string): OwtError {
  const space = text.indexOf(' ');
  return new OwtError(text.slice(0, space) as ClientErrorCode, text.slice(space + 1));
}
