/** One argument as a form asks for it. */

/** How it is entered, and what becomes of that. */
export type Kind = 'text' | 'number' | 'boolean' | 'choice' | 'value' | 'any' | 'file';

export interface Field {
  name: string;
  kind: Kind;
  /** What may be chosen: literals, in the notation of JSON or Python. */
  choices: string[];
  /** What it is when nothing is entered: a literal. `undefined` if something has to be. */
  fallback: string | undefined;
  /** Its annotation, for people. */
  annotation: string;
  /** What is said of it. */
  description: string;
}

/** A field of which nothing is known but its name. */
export function field(name: string, known: Partial<Field> = {}): Field {
  return {
    name,
    kind: 'any',
    choices: [],
    fallback: undefined,
    annotation: '',
    description: '',
    ...known,
  };
}
