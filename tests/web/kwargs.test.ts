/** Arguments: what arrives in Python is what was sent from JavaScript. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Owt, owtify } from 'owt-client';
import { Server } from './harness/server.ts';

let server: Server;
let owt: Owt;

before(async () => {
  // Without evaluation, so that arguments are data on every server.
  server = await Server.start('--no-eval');
  owt = new Owt(server.url);
});
after(() => server.stop());

/** Tells each value's type, so that nothing passes for something that looks like it. */
const TELL = `
def told(value):
    match value:
        case None | bool() | str():
            return value
        case float():
            return {"float": value.hex()}
        case int():
            return {"int": hex(value)}
        case bytes():
            return {"bytes": value.hex()}
        case list():
            return {"list": [told(item) for item in value]}
        case set():
            return {"set": sorted(json.dumps(told(item)) for item in value)}
        case dict():
            return {"dict": [[told(key), told(item)] for key, item in value.items()]}

def run(request, values):
    return {"told": told(values[0])}
`;

async function told(value: unknown): Promise<unknown> {
  const answer = await owt.call(TELL, { values: [value] });
  return ((await answer.json()) as { told: unknown }).told;
}

/** What `float.hex` gives. */
function hex(number: number): string {
  if (Number.isNaN(number)) return 'nan';
  if (!Number.isFinite(number)) return number < 0 ? '-inf' : 'inf';
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, number);
  const high = bits.getBigUint64(0);
  const sign = high >> 63n ? '-' : '';
  const exponent = Number((high >> 52n) & 0x7ffn);
  const mantissa = (high & 0xfffffffffffffn).toString(16).padStart(13, '0');
  if (exponent === 0 && number === 0) return `${sign}0x0.0p+0`;
  const power = exponent === 0 ? -1022 : exponent - 1023;
  return `${sign}0x${exponent === 0 ? 0 : 1}.${mantissa}p${power < 0 ? '' : '+'}${power}`;
}

/** What Python has to tell of a value. */
function expected(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return { int: pythonHex(value) };
  if (typeof value === 'number') {
    const isInt = Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value) < 1e21;
    return isInt ? { int: pythonHex(BigInt(value)) } : { float: hex(value) };
  }
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (value instanceof Set) {
    return { set: [...value].map((item) => pythonJson(expected(item))).sort(byCodePoint) };
  }
  if (Array.isArray(value)) return { list: value.map(expected) };
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const kept = entries.filter(([, item]) => item !== undefined);
  return { dict: kept.map(([key, item]) => [expected(key), expected(item)]) };
}

function pythonHex(int: bigint): string {
  return int < 0n ? `-0x${(-int).toString(16)}` : `0x${int.toString(16)}`;
}

/** JSON as Python writes it. */
function pythonJson(value: unknown): string {
  const text = JSON.stringify(value).replace(/^\{"(\w+)":/, '{"$1": ');
  return text.replace(/[\u007f-\uffff]/g, (char) => {
    return char === '\u007f' ? char : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
  fc.string({ unit: 'binary' }),
  fc.string(),
);
const bytes = fc.uint8Array({ maxLength: 300 });
const hashable = fc.oneof(fc.string({ unit: 'binary' }), fc.bigInt({ min: 0n, max: 999n }), bytes);

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.constant(undefined),
    bytes,
    fc.uniqueArray(fc.string({ unit: 'binary' })).map((items) => new Set(items)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value'), { maxKeys: 4 }),
    fc
      .uniqueArray(fc.tuple(hashable, tie('value')), {
        maxLength: 3,
        selector: ([key]) => String(key),
      })
      .map((entries) => new Map(entries)),
  ),
})).value;

test('any value survives the trip to Python', { timeout: 100_000 }, async () => {
  const survives = fc.asyncProperty(value, async (value) => {
    assert.deepEqual(await told(value), expected(value));
  });
  await fc.assert(survives, { numRuns: 400 });
});

test('a whole number arrives as exactly what it holds, in every notation', async () => {
  const whole = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(Math.trunc),
    fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }).map(Number),
    fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }).map(Number),
  );
  const arrives = fc.asyncProperty(whole, async (number) => {
    const forms = [number, new Map([[number, new Set([number])]]), new Float64Array([number])];
    const { list } = (await told(forms)) as { list: unknown[] };
    const inPython = expected(number);
    // A Map and a Set have no minus zero.
    const asKey = expected(number === 0 ? 0 : number);
    assert.deepEqual(list, [
      inPython,
      { dict: [[asKey, { set: [pythonJson(asKey)] }]] },
      { list: [inPython] },
    ]);
    assert.deepEqual(await told(number), inPython);
  });
  const known = [-41028805174642410, 2 ** 53 + 2, 1e21 - 2 ** 17, 1e21, -0, Number.MAX_VALUE];
  await fc.assert(arrives, { numRuns: 200, examples: known.map((number) => [number]) });
});

describe('each kind of value has its counterpart', () => {
  class Point {
    x = 1;
    #hidden = 2;
    sum(): number {
      return this.x + this.#hidden;
    }
  }

  const bytes = new Uint8Array([0, 39, 92, 65, 10, 255]);
  const cases: [string, unknown, unknown][] = [
    ['a whole number', 7, { int: '0x7' }],
    ['a large whole number', 1e20, { int: '0x56bc75e2d63100000' }],
    ['one that JavaScript shows otherwise', -41028805174642410, { int: '-0x91c37b1dfe46e8' }],
    ['one that only a float is written as', 1e21, { float: hex(1e21) }],
    ['a fraction', 0.1, { float: hex(0.1) }],
    ['minus zero', -0, { float: '-0x0.0p+0' }],
    ['infinity', Number.NEGATIVE_INFINITY, { float: '-inf' }],
    ['what is no number', Number.NaN, { float: 'nan' }],
    [
      'infinity beside bytes',
      [Number.POSITIVE_INFINITY, bytes],
      { list: [{ float: 'inf' }, { bytes: '00275c410aff' }] },
    ],
    ['a BigInt', 2n ** 100n, { int: `0x1${'0'.repeat(25)}` }],
    ['text in many scripts', 'é 你好 👋\u0000\u2028"\\\'', 'é 你好 👋\u0000\u2028"\\\''],
    ['undefined in a list', [undefined], { list: [null] }],
    ['undefined in an object', { a: undefined, b: null }, { dict: [['b', null]] }],
    ['a date', new Date(1e12), '2001-09-09T01:46:40.000Z'],
    ['a URL', new URL('http://h/'), 'http://h/'],
    ['bytes', bytes, { bytes: '00275c410aff' }],
    ['a part of a buffer', bytes.subarray(3, 4), { bytes: '41' }],
    ['a buffer', bytes.buffer, { bytes: '00275c410aff' }],
    ['a buffer of Node', Buffer.from('A'), { bytes: '41' }],
    ['numbers of a typed array', new Float32Array([0.5]), { list: [{ float: hex(0.5) }] }],
    ['a set', new Set(['a', 1]), { set: ['"a"', '{"int": "0x1"}'] }],
    ['a set of nothing', new Set(), { set: [] }],
    ['a map', new Map([['a', 1]]), { dict: [['a', { int: '0x1' }]] }],
    ['a map by numbers', new Map([[1, true]]), { dict: [[{ int: '0x1' }, true]] }],
    ['an object of a class', new Point(), { dict: [['x', { int: '0x1' }]] }],
    [
      'an object without a prototype',
      Object.assign(Object.create(null), { a: true }),
      { dict: [['a', true]] },
    ],
    ['the same object twice', ((same) => [same, same])({}), { list: [{ dict: [] }, { dict: [] }] }],
  ];
  for (const [name, value, told_] of cases) {
    test(name, async () => assert.deepEqual(await told(value), told_));
  }
});

describe('what cannot be sent is named', () => {
  const self: Record<string, unknown> = { list: [] };
  (self.list as unknown[]).push({ self });
  const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 1);
  const cases: [string, object, string][] = [
    ['a function', { model: { onload() {} } }, 'kwargs.model.onload is a function: leave it out'],
    ['a symbol', { 'a b': [1, Symbol('x')] }, 'kwargs["a b"][1] is a symbol: leave it out'],
    ['a circle', { self }, 'kwargs.self.list[0].self contains itself: break the circle'],
    ['a promise', { x: Promise.resolve(1) }, 'kwargs.x is a Promise: await it first'],
    [
      'a blob',
      { x: new Blob() },
      'kwargs.x is a Blob: send its bytes: new Uint8Array(await blob.arrayBuffer())',
    ],
    ['a pattern', { x: /x/ }, 'kwargs.x is a RegExp: it has no counterpart in Python'],
    [
      'an invalid date',
      { x: new Date(Number.NaN) },
      'kwargs.x is an invalid date: send another, or null',
    ],
    [
      'a list in a set',
      { x: new Set([1, []]) },
      'kwargs.x[1] is no text, number or bytes: a set in Python holds nothing else',
    ],
    [
      'a list as a key',
      { x: new Map([[[], 1]]) },
      'kwargs.x[] has a key that is no text, number or bytes: a dict in Python has no other',
    ],
    [
      'a name that is a number',
      new Map([[1, 1]]),
      'kwargs[1] has a name that is no text: use strings',
    ],
    [
      'too deep a nest',
      { deep },
      'kwargs.deep[0][0][0][0][0][0][0]… is nested deeper than 100 levels: send it as JSON text',
    ],
  ];
  for (const [name, kwargs, message] of cases) {
    test(name, () => {
      assert.throws(() => owtify('localhost', '1', kwargs), { code: 'kwargs-unsendable', message });
    });
  }
});
