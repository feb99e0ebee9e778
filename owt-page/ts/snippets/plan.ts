/** A request as other programs would make it. */

import { owtify } from 'owt-client';
import { base64, type Call, fieldsOf, FILE, sourceOf } from '../call.js';
import { urlOf } from '../address.js';

export interface Plan {
  method: string;
  url: string;
  /** The fields of its form. */
  fields: [string, string][];
  /** The files of its form, which is in parts then: field and name. */
  files: [string, string][];
  /** Its body, if that is JSON. */
  json?: string;
}

/** The URL that makes a call. */
export function urlOfCall({ draft, kwargs }: Call): string {
  const url = owtify(urlOf(draft.path), sourceOf(draft), null, fieldsOf(draft));
  return kwargs === '' ? url : `${url}&kwargs_b64=${base64(kwargs)}`;
}

/** The request of a call. The code is in its form, or in the URL where that leaves no room for a body. */
export function planOf(call: Call): Plan {
  const { draft, kwargs } = call;
  const files: [string, string][] = call.files.map(({ name }) => [FILE, name]);
  if (draft.method !== 'POST') {
    return { method: draft.method, url: urlOfCall(call), fields: [], files };
  }
  const { fnName, pool, timeout } = fieldsOf(draft);
  const fields: [string, string | undefined][] = [
    ['code_b64', base64(sourceOf(draft))],
    ['kwargs_b64', kwargs === '' ? undefined : base64(kwargs)],
    ['fn_name', fnName],
    ['pool', pool],
    ['timeout', timeout?.toString()],
  ];
  const given = fields.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { method: 'POST', url: urlOf(draft.path), fields: given, files };
}
