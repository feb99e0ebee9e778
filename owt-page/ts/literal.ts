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

const PYTHON_NAMES: Record<string, string> = { null: 'None', true: 'True', false: 'False' };

/** JSON as Python writes it. Numbers stay as they are written: JavaScript would round them. */
export function toPython(json: string): string {
  return json.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|null|true|false/g, (token) =>
    // Escapes that Python does not know become others.
    token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : (PYTHON_NAMES[token] ?? token),
  );
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
  const write = (literal: string) => (isPlain || !isJson(literal) ? literal : toPython(literal));
  return `{${all.map(({ name, literal }) => `${JSON.stringify(name)}: ${write(literal)}`).join(', ')}}`;
}
