/** What somebody is writing: an adaptor, and how it is called. */

import type { Entered } from './form.js';

export interface Draft {
  name: string;
  source: string;
  /** The path that the adaptor sees. */
  path: string;
  method: string;
  /** The function that is called. */
  fnName: string;
  /** The pool that runs it; the server's choice if empty. */
  pool: string;
  /** How many seconds it may take; the server's limit if empty. */
  timeout: string;
  /** Whether arguments are one text, and not a form. */
  isText: boolean;
  entered: Entered;
  kwargs: string;
}

/** A draft with everything as it is by default. */
export function draft(name: string, source: string, known: Partial<Draft> = {}): Draft {
  return {
    name,
    source,
    path: '/',
    method: 'POST',
    fnName: 'run',
    pool: '',
    timeout: '',
    isText: false,
    entered: {},
    kwargs: '',
    ...known,
  };
}
