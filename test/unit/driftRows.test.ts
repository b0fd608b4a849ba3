import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readDriftCsv, writeDriftCsv } from '../../src/drift/csvRows.ts';
import { type DriftRow, DriftRows } from '../../src/drift/DriftRows.ts';
import { rowsOf, valuesOf } from '../../src/drift/table.ts';
import { randomFor } from '../../src/random.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const run = promisify(execFile);

test('rows are kept column by column and given back as they came', () => {
  const embedding = Float32Array.of(1, 2);
  const given: DriftRow[] = [
    { values: { x: 1, label: 'wren' }, confidence: 0.5, recording: 'a.wav', at: '2026-05-01', embedding },
    { values: { x: null, label: 'wren', late: -0 } },
    { values: { x: Number.NaN, label: null, late: Number.POSITIVE_INFINITY }, embedding: Float32Array.of(3, 4) },
  ];
  const rows = DriftRows.of(given);
  assert.is(DriftRows.of(rows), rows);
  assert.equal(rows.names, ['x', 'label', 'late']);
  const nothing = { recording: null, confidence: null, embedding: null, at: null };
  assert.equal(
    [...rows],
    [
      { ...nothing, ...given[0], values: { x: 1, label: 'wren', late: null } },
      { ...nothing, ...given[1] },
      { ...nothing, ...given[2] },
    ],
  );
  assert.equal([rows.embeddings.length, rows.embeddings.at(1)], [2, Float32Array.of(3, 4)]);
  const picked = rows.pick(Uint32Array.of(2, 0));
  assert.equal([...picked], [...rows].filter((_, i) => i !== 1).toReversed());
  assert.equal(picked.embeddings.at(1), embedding);
  rows.push({ values: { x: 2 }, confidence: 0.25 });
  assert.equal(rows.confidences, Float64Array.of(0.5, 0.25));
  assert.equal([...valuesOf(rows.table.columns.get('late') as never)], [Number.NaN, -0, Infinity, Number.NaN]);
});

test('a column of numbers and texts is text, and numbers again where only rows with numbers are picked', () => {
  const values = [3, 'three', true, null, 3.5];
  const rows = DriftRows.of(values.map((x) => ({ values: { x } })));
  const column = (of: DriftRows) => of.table.columns.get('x') as never;
  assert.equal([...valuesOf(column(rows))], ['3', 'three', 'true', null, '3.5']);
  const numbers = column(rows.pick(Uint32Array.of(0, 4)));
  assert.equal(numbers, { kind: 'number', integer: false, values: Float64Array.of(3, 3.5) });
  assert.is((column(rows.pick(Uint32Array.of(3))) as { readonly kind: string }).kind, 'text');
  assert.equal(rows.placesByText('x').get('3'), Uint32Array.of(0));
});

test('columns grow with their rows', () => {
  const random = randomFor(1, 'grow');
  const given = Array.from({ length: 3000 }, () => (random.int(3) === 0 ? null : random.int(50)));
  const rows = DriftRows.of(given.map((x, i) => ({ values: { x, name: `n${i % 700}` } })));
  const [x, name] = [...rows.table.columns.values()] as never[] as [never, never];
  assert.equal(
    [...valuesOf(x)],
    given.map((value) => value ?? Number.NaN),
  );
  assert.is(rowsOf(name), 3000);
  assert.is(new Set(valuesOf(name)).size, 700);
});

test('a CSV column whose first text comes late keeps its cells as they are spelled', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'rows.csv');
    await writeFile(path, 'code,x,,recording,at\n007,1.50,,a,2026-05-01\n,,,,\n1.0,NA,v,b,May\nB2,3,,c,\n,,,,\n');
    const { rows, notes } = await readDriftCsv(path);
    const [code, x, nameless] = ['code', 'x', ''].map((name) => [...rows].map(({ values }) => values[name]));
    assert.equal(code, ['007', null, '1.0', 'B2']);
    assert.equal(x, [1.5, null, null, 3]);
    assert.equal(nameless, [null, null, 'v', null]);
    assert.equal(rows.times, ['2026-05-01', null, null, null]);
    assert.match(notes.join(), /rows\.csv line 4: May is no time in ISO 8601/);
    await writeDriftCsv(join(dir, 'again.csv'), rows);
    assert.is(
      await readFile(join(dir, 'again.csv'), 'utf8'),
      'recording,at,code,x,\r\n1,2026-05-01,007,1.5,\r\n2,,,,\r\n3,,1.0,,v\r\n4,,B2,3,\r\n',
    );
    assert.equal([...(await readDriftCsv(join(dir, 'again.csv'))).rows], [...rows]);
    // A pipe can be read only once.
    const pipe = join(dir, 'pipe.csv');
    await run('mkfifo', [pipe]);
    const [piped] = await Promise.all([readDriftCsv(pipe), run('cp', [path, pipe])]);
    assert.equal([...piped.rows], [...rows]);
  }));

// As an object a row, and its text and records beside them, this takes more than 200 MB.
test('a CSV file of a million cells is read with a heap of 64 MB', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'large.csv');
    const random = randomFor(2, 'large');
    const names = Array.from({ length: 25 }, (_, i) => `x${i}`);
    const row = () => names.map(() => random.next().toFixed(6)).join(',');
    await writeFile(path, [names.join(','), ...Array.from({ length: 40_000 }, row), ''].join('\n'));
    const program = `
      import { readDriftCsv } from ${JSON.stringify(new URL('../../src/drift/csvRows.ts', import.meta.url).href)};
      const { rows } = await readDriftCsv(${JSON.stringify(path)});
      console.log(rows.length, rows.names.length);`;
    const words = ['--max-old-space-size=64', '--import', 'tsx', '--input-type=module', '--eval', program];
    const { stdout } = await run(process.execPath, words);
    assert.is(stdout.trim(), '40000 25');
  }));

test.run();
