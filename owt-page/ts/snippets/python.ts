/** A call as Python makes it with `owt.client`. */

import { type Call, fieldsOf, FILE } from '../call.js';
import { urlOf } from '../address.js';
import { isJson, toPython } from '../literal.js';

export function python({ draft, kwargs, files }: Call): string {
  const { fnName, pool, timeout } = fieldsOf(draft);
  const options: [string, string | undefined][] = [
    ['method', draft.method === 'POST' ? undefined : text(draft.method)],
    ['fn_name', fnName === undefined ? undefined : text(fnName)],
    ['pool', pool === undefined ? undefined : text(pool)],
    ['timeout', timeout?.toString()],
    ['form', files.length === 0 ? undefined : formOf(files)],
  ];
  const given = options.filter(([, value]) => value !== undefined);
  const args = [
    'code',
    kwargs === '' ? (given.length > 0 ? 'None' : '') : argumentsOf(kwargs),
    ...given.map(([name, value]) => `${name}=${value}`),
  ].filter((arg) => arg !== '');
  const imports = files.length > 0 ? 'from pathlib import Path\n\n' : '';
  const url = text(urlOf(draft.path));
  return `${imports}from owt.client import Owt

code = ${lines(draft.source)}
reply = Owt(${url}).call(${args.join(', ')})
print(reply.text)
`;
}

function argumentsOf(kwargs: string): string {
  return isJson(kwargs) ? toPython(kwargs) : kwargs;
}

function formOf(files: readonly File[]): string {
  const paths = files.map(({ name }) => `Path(${text(name)})`);
  return `{${text(FILE)}: ${paths.length === 1 ? paths[0] : `[${paths.join(', ')}]`}}`;
}

/** Python reads JSON's strings as JSON does. */
function text(value: string): string {
  return JSON.stringify(value);
}

/** A text of several lines, as it stands where that can be. */
function lines(source: string): string {
  const escaped = source.replaceAll('\\', '\\\\').replaceAll("'''", "\\'\\'\\'");
  return `'''\\\n${escaped}${source.endsWith('\n') ? '' : '\\\n'}'''`;
}
