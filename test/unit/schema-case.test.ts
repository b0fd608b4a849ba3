import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { FormatError, InvalidArgumentError } from '../../bindings/errors.ts';
import { decode, encode } from '../../src/schema/case.ts';

const schema = z.strictObject({
  rawDir: z.string(),
  fMinHz: z.number().min(0),
  beta1: z.number(),
  columns: z.record(z.string(), z.strictObject({ columnName: z.string() })),
  rows: z.array(z.strictObject({ startS: z.number(), lowHz: z.number().nullable() })),
  pair: z.tuple([z.strictObject({ leftSide: z.int() }), z.string()]),
  scheduler: z.discriminatedUnion('_target_', [
    z.strictObject({ _target_: z.literal('a.StepLR'), stepSize: z.int() }),
    z.strictObject({ _target_: z.literal('b.Cosine'), warmupEpochs: z.number() }),
  ]),
  either: z.union([z.string(), z.strictObject({ innerName: z.string() })]),
  maybe: z.strictObject({ deepKey: z.string() }).nullable(),
  extra: z.string().optional(),
  open: z.looseObject({ knownName: z.string() }),
});

const value: z.infer<typeof schema> = {
  rawDir: 'x',
  fMinHz: 60,
  beta1: 0.9,
  columns: { someLabel: { columnName: 'a' }, __proto__x: { columnName: 'b' } },
  rows: [{ startS: 1, lowHz: null }],
  pair: [{ leftSide: 1 }, 'r'],
  scheduler: { _target_: 'b.Cosine', warmupEpochs: 3 },
  either: { innerName: 'n' },
  maybe: { deepKey: 'd' },
  open: { knownName: 'k', freeKey: 1 },
};

const json = {
  raw_dir: 'x',
  f_min_hz: 60,
  beta1: 0.9,
  columns: { someLabel: { column_name: 'a' }, __proto__x: { column_name: 'b' } },
  rows: [{ start_s: 1, low_hz: null }],
  pair: [{ left_side: 1 }, 'r'],
  scheduler: { _target_: 'b.Cosine', warmup_epochs: 3 },
  either: { inner_name: 'n' },
  maybe: { deep_key: 'd' },
  open: { known_name: 'k', freeKey: 1 },
};

function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.instance(error, FormatError);
    return (error as Error).message;
  }
  return '';
}

test('keys of objects change their spelling, keys of records stay', () => {
  assert.equal(encode(schema, value), json);
  assert.equal(decode(schema, json), value);
});

test('undefined values and null alternatives survive the round trip', () => {
  const other = { ...value, either: 'text', maybe: null, extra: undefined } as unknown as z.infer<typeof schema>;
  const encoded = encode(schema, other) as Record<string, unknown>;
  assert.is('extra' in encoded, false);
  assert.equal(decode(schema, encoded), { ...value, either: 'text', maybe: null });
});

test('every mistake is listed with its path as the file spells it', () => {
  const wrong = {
    ...json,
    raw_dir: 7,
    f_min_hz: -1,
    rows: [{ start_s: 'a' }],
    rawDir: 'camel case is not a spelling of files',
    scheduler: { _target_: 'b.Cosine', warmup_epochs: null, step_size: 3 },
    columns: { someLabel: { column_name: null } },
    extra: false,
  };
  assert.is(
    messageOf(() => decode(schema, wrong, 'dataset.json')),
    `dataset.json has 9 mistakes:
  scheduler.step_size: unknown key
  rawDir: unknown key
  raw_dir: expected text but received 7
  f_min_hz: expected a number of at least 0 but received -1
  columns.someLabel.column_name: expected text but received null
  rows[0].start_s: expected a number but received "a"
  rows[0].low_hz: missing: expected a number
  scheduler.warmup_epochs: expected a number but received null
  extra: expected text but received false`,
  );
});

test('one mistake is one line, and a wrong kind of value names what was expected', () => {
  assert.is(
    messageOf(() => decode(schema, { ...json, scheduler: { _target_: 'c.Other' } })),
    'The value has 1 mistake:\n  scheduler._target_: expected one of "a.StepLR", "b.Cosine" but received "c.Other"',
  );
  assert.is(
    messageOf(() => decode(schema, [])),
    'The value has 1 mistake:\n  expected a mapping but received []',
  );
  const limits = z.strictObject({
    a: z.number().positive(),
    b: z.number().lt(1),
    c: z.array(z.int()).min(1),
    d: z.int().refine((n) => n % 2 === 0, 'an even number'),
    e: z.enum(['x', 'y']),
    f: z.int(),
  });
  assert.is(
    messageOf(() => decode(limits, { a: 0, b: 1, c: [], d: 3, e: 'z', f: 1.5 }, 'x.json')),
    `x.json has 6 mistakes:
  a: expected a number above 0 but received 0
  b: expected a number below 1 but received 1
  c: expected a list of at least 1 items but received []
  d: expected an even number but received 3
  e: expected one of "x", "y" but received "z"
  f: expected a whole number but received 1.5`,
  );
});

test('a value with a key that a strict schema lacks is not encoded in silence', () => {
  const wrong = { ...value, maybe: { deepKey: 'd', deeperKey: 1 } };
  assert.throws(
    () => encode(schema, wrong),
    (error: Error) =>
      error instanceof InvalidArgumentError &&
      error.message === 'Expected only keys of the schema but received maybe.deeperKey',
  );
});

test('a key named __proto__ in a file is data, not a prototype', () => {
  const names = z.record(z.string(), z.int());
  const decoded = decode(
    z.strictObject({ names }),
    JSON.parse('{"names":{"__proto__":{"polluted":1}, "a": 1}}') as unknown,
  );
  assert.is(Object.getPrototypeOf(decoded.names), Object.prototype);
  assert.is('polluted' in {}, false);
});

test.run();
