/** Arguments as the text that is sent: JSON if it can hold them, and Python literals otherwise. */

import { OwtError } from './error.js';

/** How deep arguments may be nested: what Python reads of both notations on every machine. */
const MAX_DEPTH = 100;

/** How a notation writes what is not the same in both. */
interface Notation {
  none: string;
  true: string;
  false: string;
  infinity: string;
  nan: string;
}

const JSON_NOTATION: Notation = {
  none: 'null',
  true: 'true',
  false: 'false',
  infinity: 'Infinity',
  nan: 'NaN',
};

// A number that is too large is infinite, also where only literals are read.
const PYTHON_NOTATION: Notation = {
  none: 'None',
  true: 'True',
  false: 'False',
  infinity: '1e999',
  nan: 'float("nan")',
};

/** Thrown when JSON cannot hold a value that Python can. */
const NEEDS_PYTHON = Symbol('needs Python');

/** Types with a tag of their own whose content has to be awaited first. */
const AWAITED: Record<string, string> = {
  Promise: 'await it first',
  Blob: 'send its bytes: new Uint8Array(await blob.arrayBuffer())',
  File: 'send its bytes: new Uint8Array(await file.arrayBuffer())',
  Response: 'send what it holds: await response.text()',
};

/**
 * The text of arguments, or nothing if there are none.
 *
 * @throws OwtError if they are no map of names to values, or a value has no counterpart in Python.
 */
export function kwargsText(kwargs: object | null | undefined): string | undefined {
  if (kwargs === undefined || kwargs === null) return undefined;
  if (!isMap(kwargs)) {
    throw new OwtError('kwargs-not-a-map', 'arguments are not a map of names to values');
  }
  const text = written(kwargs);
  return text === '{}' ? undefined : text;
}

function isMap(kwargs: unknown): boolean {
  const kind = tag(kwargs);
  return kind === 'Map' || (kind === 'Object' && typeof kwargs === 'object');
}

function written(kwargs: object): string {
  try {
    return new Writer(JSON_NOTATION).entries(kwargs);
  } catch (thrown) {
    if (thrown !== NEEDS_PYTHON) throw thrown;
    return new Writer(PYTHON_NOTATION).entries(kwargs);
  }
}

/** Writes values in one notation, and knows where in the arguments it is. */
class Writer {
  readonly #notation: Notation;
  /** The objects that it is inside of, and under which key of each. */
  readonly #inside: object[] = [];
  readonly #keys: unknown[] = [];

  constructor(notation: Notation) {
    this.#notation = notation;
  }

  /** The entries of an object or a `Map`. Those that are undefined are left out. */
  entries(object: object): string {
    return this.#within(object, () => {
      const entries: string[] = [];
      for (const [key, value] of tag(object) === 'Map'
        ? (object as Map<unknown, unknown>)
        : Object.entries(object)) {
        this.#keys.push(key);
        if (value !== undefined) entries.push(`${this.#key(key)}:${this.#value(value)}`);
        this.#keys.pop();
      }
      return `{${entries.join(',')}}`;
    });
  }

  #value(value: unknown): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return this.#number(value);
      case 'bigint':
        return value.toString();
      case 'boolean':
        return value ? this.#notation.true : this.#notation.false;
      case 'undefined':
        return this.#notation.none;
      case 'object':
        return value === null ? this.#notation.none : this.#object(value);
      default:
        throw this.#unsendable(`is a ${typeof value}`, 'leave it out');
    }
  }

  #number(number: number): string {
    if (Number.isNaN(number)) return this.#notation.nan;
    if (!Number.isFinite(number)) return (number < 0 ? '-' : '') + this.#notation.infinity;
    if (Object.is(number, -0)) return '-0.0';
    // Beyond 2^53, the digits that JavaScript shows are those of another whole number.
    return isWhole(number) ? BigInt(number).toString() : String(number);
  }

  #object(object: object): string {
    const bytes = bytesOf(object);
    if (bytes !== undefined) return this.#bytes(bytes);
    if (ArrayBuffer.isView(object))
      return this.#list(object, object as unknown as ArrayLike<unknown>);
    if (Array.isArray(object)) return this.#list(object, object);
    const kind = tag(object);
    if (kind === 'Date') return this.#date(object as Date);
    if (kind === 'Map') return this.entries(object);
    if (kind === 'Set') return this.#set(object as Set<unknown>);
    if ('toJSON' in object && typeof object.toJSON === 'function') {
      return this.#within(object, () => this.#value((object.toJSON as () => unknown)()));
    }
    if (kind === 'Object') return this.entries(object);
    throw this.#unsendable(`is a ${kind}`, AWAITED[kind] ?? 'it has no counterpart in Python');
  }

  #list(object: object, items: ArrayLike<unknown>): string {
    return this.#within(object, () => `[${this.#items(items).join(',')}]`);
  }

  #items(items: ArrayLike<unknown>): string[] {
    return Array.from(items, (item, index) => {
      this.#keys.push(index);
      const text = this.#value(item);
      this.#keys.pop();
      return text;
    });
  }

  #set(set: Set<unknown>): string {
    this.#needPython();
    if (set.size === 0) return 'set()';
    const members = Array.from(set);
    const list = members.findIndex((member) => !isHashable(member));
    if (list >= 0) {
      this.#keys.push(list);
      throw this.#unsendable('is no text, number or bytes', 'a set in Python holds nothing else');
    }
    return this.#within(set, () => `{${this.#items(members).join(',')}}`);
  }

  /** A date as JSON has it, in ISO 8601: `datetime.fromisoformat` reads it. */
  #date(date: Date): string {
    if (Number.isNaN(date.getTime()))
      throw this.#unsendable('is an invalid date', 'send another, or null');
    return JSON.stringify(date);
  }

  #bytes(bytes: Uint8Array): string {
    this.#needPython();
    let text = '';
    for (const byte of bytes) text += BYTES[byte];
    return `b'${text}'`;
  }

  /** In JSON, a key is text. */
  #key(key: unknown): string {
    if (typeof key === 'string') return JSON.stringify(key);
    // Only values are arguments: their names are text in Python, too.
    if (this.#inside.length === 1)
      throw this.#unsendable('has a name that is no text', 'use strings');
    this.#needPython();
    if (isHashable(key)) return this.#value(key);
    throw this.#unsendable(
      'has a key that is no text, number or bytes',
      'a dict in Python has no other',
    );
  }

  #needPython(): void {
    if (this.#notation === JSON_NOTATION) throw NEEDS_PYTHON;
  }

  #within(object: object, write: () => string): string {
    if (this.#inside.includes(object))
      throw this.#unsendable('contains itself', 'break the circle');
    if (this.#inside.length >= MAX_DEPTH) {
      throw this.#unsendable(`is nested deeper than ${MAX_DEPTH} levels`, 'send it as JSON text');
    }
    this.#inside.push(object);
    const text = write();
    this.#inside.pop();
    return text;
  }

  #unsendable(problem: string, remedy: string): OwtError {
    const path = this.#keys.slice(0, 8).map(step).join('');
    const rest = this.#keys.length > 8 ? '…' : '';
    return new OwtError('kwargs-unsendable', `kwargs${path}${rest} ${problem}: ${remedy}`);
  }
}

/** One step of a path, as a program would write it. */
function step(key: unknown): string {
  if (typeof key === 'string' && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key))
    return `.${key}`;
  return `[${typeof key === 'string' ? JSON.stringify(key) : String(key)}]`;
}

/** The name of a built-in type, also of one from another window. */
function tag(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

/** Whether Python has a number as an `int`; JavaScript writes larger ones as `1e+21`, a `float`. */
function isWhole(number: number): boolean {
  return Number.isInteger(number) && Math.abs(number) < 1e21;
}

function isHashable(value: unknown): boolean {
  return (
    value === null ||
    typeof value !== 'object' ||
    tag(value) === 'Date' ||
    bytesOf(value) !== undefined
  );
}

/** The bytes of what stands for bytes. Arrays of longer numbers are lists. */
function bytesOf(object: object): Uint8Array | undefined {
  switch (tag(object)) {
    case 'Uint8Array':
    case 'Uint8ClampedArray':
    case 'DataView': {
      const view = object as DataView;
      return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    }
    case 'ArrayBuffer':
    case 'SharedArrayBuffer':
      return new Uint8Array(object as ArrayBuffer);
    default:
      return undefined;
  }
}

/** How each byte is written in a Python literal. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  const isPlain = byte >= 0x20 && byte < 0x7f && char !== "'" && char !== '\\';
  return isPlain ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
});
