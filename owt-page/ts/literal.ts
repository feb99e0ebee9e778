/** Values in the notations of JSON and of Python. */

/** Whether a text is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A string of Python's as the text that it stands for; any other literal as it is written. */
export function unquoted(literal: string): string {
  const inner = /^(["'])(.*)\1$/s.exec(literal)?.[2];
  return inner === undefined ? literal : inner.replace(/\\(["'\\])/g, '$1');
}

/** JSON as Python writes it. Its strings are read alike by both. */
export function toPython(value: unknown): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map(toPython).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(
    ([key, entry]) => `${JSON.stringify(key)}: ${toPython(entry)}`,
  );
  return `{${entries.join(', ')}}`;
}

/** One argument, as it is entered: its literal. */
export interface Argument {
  name: string;
  literal: string;
}

/** The text of arguments: JSON if all of them are, else a dict of Python's. */
export function kwargsText(all: Argument[]): string {
  if (all.length === 0) return '';
  const isPlain = all.every(({ literal }) => isJson(literal));
  const write = (literal: string) =>
    isPlain || !isJson(literal) ? literal : toPython(JSON.parse(literal));
  return `{${all.map(({ name, literal }) => `${JSON.stringify(name)}: ${write(literal)}`).join(', ')}}`;
}
