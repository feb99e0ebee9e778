/** Adaptors: Python source, or the file that it is in. */

import { OwtError } from './error.js';

/**
 * Python source, or the name of the file that holds it.
 *
 * Text of one line that ends in `.py` is a name, and so is every `URL`; all other text is source.
 * In Node a name is a path from the working directory, in a browser a URL relative to the page
 * (in a worker, to the worker's script).
 */
export type Adaptor = string | URL;

/** The part of Node's `node:fs` that is used. */
interface FileSystem {
  readFileSync(path: string | URL, encoding: 'utf8'): string;
  promises: { readFile(path: string | URL, encoding: 'utf8'): Promise<string> };
}

/** @internal An adaptor's source, at once. */
export function readNow(adaptor: Adaptor): string {
  if (isSource(adaptor)) return adaptor;
  const files = isWeb(adaptor) ? undefined : fileSystem();
  try {
    if (files !== undefined) return files.readFileSync(adaptor, 'utf8');
  } catch (cause) {
    throw unreadable(adaptor, String(cause), cause);
  }
  if (typeof XMLHttpRequest === 'undefined') {
    throw unreadable(
      adaptor,
      'nothing can be fetched at once here. Fetch the source first, and pass that',
    );
  }
  return fetchNow(adaptor);
}

/** @internal An adaptor's source, without holding up the page. */
export async function read(adaptor: Adaptor, signal: AbortSignal | undefined): Promise<string> {
  if (isSource(adaptor)) return adaptor;
  const files = isWeb(adaptor) ? undefined : fileSystem();
  try {
    if (files !== undefined) return await files.promises.readFile(adaptor, 'utf8');
    const response = await fetch(adaptor, { signal: signal ?? null });
    return checked(
      adaptor,
      response.ok ? 200 : response.status,
      response.headers.get('content-type'),
      await response.text(),
    );
  } catch (cause) {
    if (cause instanceof OwtError || signal?.aborted) throw cause;
    throw unreadable(adaptor, String(cause), cause);
  }
}

/** @internal The field that names an adaptor's file, without its folder, in a form; nothing if it is source. */
export function nameField(adaptor: Adaptor): string {
  const name = withoutQuery(adaptor).split(/[/\\]/).pop() ?? '';
  return isSource(adaptor) ? '' : `&name=${encodeURIComponent(name)}`;
}

function isSource(adaptor: Adaptor): adaptor is string {
  return typeof adaptor === 'string' && !/^.+\.py$/.test(adaptor);
}

function isWeb(name: Adaptor): boolean {
  return /^https?:/i.test(String(name));
}

/** Node's file system, without an import that bundlers for browsers would need settings for. */
function fileSystem(): FileSystem | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => FileSystem };
  };
  return process?.getBuiltinModule?.('node:fs');
}

/** Fetches synchronously, while the page is blocked. */
function fetchNow(name: Adaptor): string {
  const request = new XMLHttpRequest();
  try {
    request.open('GET', name, false);
    request.send();
  } catch (cause) {
    throw unreadable(name, 'it cannot be fetched', cause);
  }
  return checked(
    name,
    request.status,
    request.getResponseHeader('content-type'),
    request.responseText,
  );
}

function checked(name: Adaptor, status: number, mediaType: string | null, text: string): string {
  if (status !== 200) throw unreadable(name, `the answer is ${status}`);
  // Servers of web applications answer with their start page for unknown paths.
  if (mediaType?.startsWith('text/html')) throw unreadable(name, 'the answer is a web page');
  return text;
}

function unreadable(name: Adaptor, reason: string, cause?: unknown): OwtError {
  const shown = withoutQuery(name);
  return new OwtError('adaptor-unreadable', `Cannot read the adaptor ${shown}: ${reason}`, {
    cause,
  });
}

function withoutQuery(name: Adaptor): string {
  return String(name).replace(/[?#].*$/s, '');
}
