/** A request as a command for a shell. */

import type { Plan } from './plan.js';

export function curl({ method, url, fields, files, json }: Plan): string {
  const isForm = fields.length > 0 || files.length > 0;
  const implied = isForm || json !== undefined ? 'POST' : 'GET';
  const words = [`curl ${quoted(url)}`];
  if (method === 'HEAD') words.push('--head');
  else if (method !== implied) words.push(`--request ${quoted(method)}`);
  if (json !== undefined) words.push(`--json ${quoted(json)}`);
  // In parts, values that begin with @ or < would be files.
  const option = files.length > 0 ? '--form-string' : '--data';
  for (const [name, value] of fields) words.push(`${option} ${quoted(`${name}=${value}`)}`);
  for (const [name, file] of files) {
    words.push(`--form ${quoted(`${name}=@"${file.replace(/["\\]/g, '\\$&')}"`)}`);
  }
  return words.join(' \\\n  ');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
