/** Making the call: with owt-client, and what that has no words for. */

import { Owt, type Progress } from 'owt-client';
import { urlOf } from './address.js';
import type { Draft } from './draft.js';

/** A call that can be made. */
export interface Call {
  draft: Draft;
  /** The text of the arguments; empty if there are none. */
  kwargs: string;
  /** Files that go with it, as the form's field `file`. */
  files: readonly File[];
}

/** The field of files. */
export const FILE = 'file';

/** Makes a call. Its answer is owt's error, which is thrown, or the adaptor's. */
export function send(
  call: Call,
  signal: AbortSignal,
  onProgress: (progress: Progress) => void,
): Promise<Response> {
  const { path, method } = call.draft;
  const owt = new Owt(urlOf(path), { fetch: withMore(call) });
  return owt.call(sourceOf(call.draft), null, {
    ...fieldsOf(call.draft),
    method,
    signal,
    onProgress,
  });
}

/** The code. One line that ends as the name of a file does would be taken for one by the client. */
export function sourceOf({ source }: Draft): string {
  return /^.+\.py$/.test(source) ? `${source}\n` : source;
}

/** The fields of a draft that are not what they are by default. */
export function fieldsOf({ fnName, pool, timeout }: Draft) {
  return {
    ...(fnName === 'run' ? {} : { fnName }),
    ...(pool === '' ? {} : { pool }),
    ...(timeout === '' ? {} : { timeout: Number(timeout) }),
  };
}

/** Adds what the client has no words for: arguments as text, files, and the name that tracebacks show. */
function withMore({ kwargs, files, draft }: Call): typeof fetch {
  return (input, init) => {
    // Beside the call, the client asks for its progress.
    if (init?.signal?.aborted || !carriesCall(input, init)) return fetch(input, init);
    const encoded = base64(kwargs);
    if (typeof init?.body !== 'string') {
      const url = new URL(String(input));
      if (kwargs !== '') url.searchParams.set('kwargs_b64', encoded);
      const bodyless = ['GET', 'HEAD'].includes(draft.method) || files.length === 0;
      return fetch(url, { ...init, ...(bodyless ? {} : { body: form([], files) }) });
    }
    const fields = [...new URLSearchParams(init.body), ['name', draft.name]] as [string, string][];
    if (kwargs !== '') fields.push(['kwargs_b64', encoded]);
    if (files.length === 0) return fetch(input, { ...init, body: new URLSearchParams(fields) });
    const headers = new Headers(init.headers);
    // The browser adds the boundary.
    headers.delete('content-type');
    return fetch(input, { ...init, headers, body: form(fields, files) });
  };
}

function carriesCall(input: RequestInfo | URL, init: RequestInit | undefined): boolean {
  return typeof init?.body === 'string' || String(input).includes('code_');
}

function form(fields: [string, string][], files: readonly File[]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  for (const file of files) form.append(FILE, file, file.name);
  return form;
}

/** Base64 of UTF-8, as URLs have it: no letter of it has to be escaped. */
export function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
