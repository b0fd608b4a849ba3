import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isoTimeMs } from '../../src/absoluteTime.ts';
import { Alarm } from '../../src/drift/alarm.ts';
import { type DriftRow, DriftRows } from '../../src/drift/DriftRows.ts';
import { detectDrift } from '../../src/drift/detectDrift.ts';
import { driftToJson } from '../../src/drift/driftToJson.ts';
import { effectSize } from '../../src/drift/effectSize.ts';
import { embeddingDrift } from '../../src/drift/embeddingDrift.ts';
import { adjustForFalseDiscovery } from '../../src/drift/falseDiscovery.ts';
import { randomFor } from '../../src/random.ts';
import { driftPage } from '../../src/reports/driftPage.ts';

test('Benjamini-Hochberg gives the figures of scipy.stats.false_discovery_control', () => {
  const adjusted = adjustForFalseDiscovery([0.01, 0.2, 0.03, 0.004, 1]);
  const scipy = [0.025, 0.25, 0.05, 0.02, 1];
  adjusted.forEach((value, i) => {
    assert.ok(Math.abs(value - (scipy[i] as number)) < 1e-12, `${i}: ${value}`);
  });
  assert.equal(adjustForFalseDiscovery([]), []);
});

test('effect sizes are those of pairs counted one by one and of a table of counts', () => {
  const numbers = (values: number[]) =>
    DriftRows.of(values.map((x) => ({ values: { x } }))).table.columns.get('x') as never;
  const delta = effectSize(numbers([1, 2, 3]), numbers([2, 3, 4, 4]));
  // 12 pairs: 9 larger, 1 smaller, 2 equal.
  assert.is(delta.value, 8 / 12);
  assert.is(delta.size, 'large');
  assert.is(effectSize(numbers([1, 1]), numbers([1, 1])).cohensD, null);
  const words = (values: string[]) =>
    DriftRows.of(values.map((x) => ({ values: { x } }))).table.columns.get('x') as never;
  assert.is(effectSize(words(['a', 'b']), words(['a', 'b'])).value, 0);
  assert.is(effectSize(words(['a', 'a']), words(['b', 'b'])).value, 1);
});

test('embeddings from one place are called so, a shift and another spread are seen', () => {
  const cloud = (name: string, shift: number, scale: number) => {
    const random = randomFor(1, name);
    return Array.from({ length: 120 }, () =>
      Float32Array.from({ length: 6 }, (_, i) => scale * random.normal() + (i === 0 ? shift : 0)),
    );
  };
  const same = embeddingDrift(cloud('a', 0, 1), cloud('b', 0, 1));
  assert.not(same?.drifted);
  assert.ok((same?.mmd.pValue ?? 0) > 0.05 && Math.abs((same?.classifier.auc ?? 0) - 0.5) < 0.15);
  const shifted = embeddingDrift(cloud('a', 0, 1), cloud('b', 1.5, 1));
  assert.ok(shifted?.drifted && shifted.classifier.auc > 0.75 && shifted.mmd.pValue < 0.01);
  // A linear classifier cannot see another spread; the kernel can.
  const wider = embeddingDrift(cloud('a', 0, 1), cloud('b', 0, 2));
  assert.ok(wider?.drifted && wider.mmd.pValue < 0.01);
  assert.is(embeddingDrift(cloud('a', 0, 1).slice(0, 7), cloud('b', 0, 1)), null);
});

test('the alarm takes several windows to rise and a lower level to end', () => {
  const alarm = new Alarm({ raiseAt: 0.5, clearBelow: 0.3, windows: 2, of: 3 });
  const raised = [0.6, 0, 0, 0.5, 0.4, 0.7, 0.4, 0.4, 0.4, 0.2, 0.4, 0.1, 0.6].map((level) => alarm.add(level).raised);
  assert.equal(raised, [false, false, false, false, false, true, true, true, true, true, true, false, false]);
  assert.throws(() => new Alarm({ raiseAt: 0.2, clearBelow: 0.3 }), /Expected at most raiseAt \(0.2\) for clearBelow/);
  assert.throws(() => new Alarm({ windows: 4, of: 3 }), /Expected 1 to 3 for windows but received 4/);
});

test('one class, the confidence and a late change are found although the whole has not drifted', () => {
  const reference = rows('reference', 300, () => 0);
  const current = rows('current', 300, (_, target) => (target === 'crow' ? 1.5 : 0));
  const result = detectDrift(reference, current, { window: { rows: 100 } });
  assert.not(result.drift.datasetDrift);
  assert.equal(
    result.classes.filter(({ drifted }) => drifted).map(({ label }) => label),
    ['crow'],
  );
  assert.is(result.confidence?.drifted, true);
  assert.ok((result.confidence?.currentMean ?? 1) < (result.confidence?.referenceMean ?? 0));
  assert.equal(
    result.trend.map(({ rows: count }) => count),
    [100, 100, 100],
  );
  assert.ok(result.trend.every(({ from, to }) => from !== null && to !== null && from < to));
  const late = rows('late', 400, (i) => (i >= 200 ? 2 : 0));
  const { trend } = detectDrift(reference, late.toReversed(), {
    window: { rows: 100 },
    driftShare: 0.2,
    alarm: { raiseAt: 0.2 },
  });
  assert.equal(
    trend.map(({ alarm }) => alarm),
    [false, false, false, true],
  );
});

test('classes are those of one column: what a model says is not compared with what was said before', () => {
  const rows = (n: number, label: Record<string, string>) =>
    Array.from({ length: n }, (_, i) => ({ values: { loudness: Math.sin(i), ...label } }));
  const reference = rows(40, { target: 'wren', prediction: 'robin' });
  const { classes } = detectDrift(reference, rows(30, { prediction: 'robin' }));
  assert.equal(
    classes.map(({ label, referenceRows, currentRows }) => [label, referenceRows, currentRows]),
    [['robin', 40, 30]],
  );
});

test('confidence is compared with recordings that the model was not trained on, where there are enough', () => {
  const sure = (n: number, confidence: number) =>
    Array.from({ length: n }, (_, i) => ({ values: { loudness: Math.sin(i) }, confidence: confidence - 0.001 * i }));
  const [trained, held, current] = [sure(60, 0.99), sure(20, 0.6), sure(30, 0.6)];
  assert.is(detectDrift(trained, current).confidence?.drifted, true);
  const result = detectDrift(trained, current, { heldOut: held });
  assert.equal([result.confidence?.drifted, result.heldOutRows], [false, 20]);
  assert.is(detectDrift(trained, current, { heldOut: held.slice(0, 5) }).heldOutRows, 0);
});

test('rows and options that cannot be compared are refused with what to do', () => {
  const some = rows('some', 20, () => 0);
  assert.throws(() => detectDrift(some, []), /Expected rows with columns to compare but received 0 rows/);
  assert.throws(() => detectDrift(some, some, { level: 2 }), /Expected a number between 0 and 1 for level/);
  assert.throws(() => detectDrift(some, some, { window: { rows: 0 } }), /for window.rows but received 0/);
  assert.throws(
    () => detectDrift(some, some, { only: ['wings'] }),
    /Expected columns that both sides have but received wings/,
  );
  const other = some.map(() => ({ values: { wings: 2 } }));
  assert.throws(
    () => detectDrift(some, other),
    /no column to compare \(.*: only the reference has it; .*wings: only the current rows have it\)/,
  );
});

test('labels that are numbers are compared beside predictions that are text', () => {
  const side = (name: string) => {
    const random = randomFor(4, name);
    const label = () => 101 + random.int(8);
    return Array.from({ length: 80 }, () => ({
      values: { x: random.normal(), target: label(), prediction: random.int(5) === 0 ? 'no event' : String(label()) },
    }));
  };
  const { drift, correlations } = detectDrift(side('reference'), side('current'));
  assert.equal(
    drift.columns.map(({ name, type }) => [name, type]),
    [
      ['target', 'num'],
      ['prediction', 'cat'],
      ['x', 'num'],
    ],
  );
  assert.equal(
    correlations.map(({ column }) => column),
    ['target', 'prediction'],
  );
});

test('a column without values, of another kind, or of one side only is named, and the others are compared', () => {
  const some = rows('some', 60, () => 0);
  const values = (change: object) => some.map((row) => ({ values: { ...row.values, ...change } }));
  const whole = detectDrift(some, values({})).drift.columns.map(({ name }) => name);
  const leftOut = (change: object) => {
    const result = detectDrift(some, values(change), { window: { rows: 20 } });
    assert.equal(
      result.drift.columns.map(({ name }) => name),
      whole.filter((name) => name !== 'pitch'),
    );
    assert.not(result.drift.datasetDrift);
    assert.ok(result.trend.every(({ driftedColumns }) => !driftedColumns.includes('pitch')));
    assert.match(driftPage(result), 'Not compared: <b>pitch</b>');
    assert.equal(driftToJson(result)['left_out'], result.leftOut);
    return result.leftOut;
  };
  assert.equal(leftOut({ pitch: null }), [
    { name: 'pitch', reason: 'the current rows have no value that is there and finite' },
  ]);
  assert.equal(leftOut({ pitch: 'high' }), [
    { name: 'pitch', reason: 'numbers in the reference, text in the current rows ("high")' },
  ]);
  const without = some.map(({ values: { pitch: _, ...rest } }) => ({ values: { ...rest, wings: 2 } }));
  assert.equal(detectDrift(some, without).leftOut, [
    { name: 'pitch', reason: 'only the reference has it' },
    { name: 'wings', reason: 'only the current rows have it' },
  ]);
});

test('rows are ordered by time on every machine alike, and one without a time stays behind the one before it', () => {
  const at = (time: string | null, i: number) => ({ values: { x: i % 7, y: (i * i) % 5 }, at: time });
  const times = ['2023-05-14T06:00:00', null, '2023-05-14T05:00:00Z', null, '2023-05-14T09:30:00+0500', '2023-05'];
  const current = times.map(at);
  const { trend } = detectDrift(
    Array.from({ length: 10 }, (_, i) => at(null, i)),
    current,
    { window: { rows: 1 } },
  );
  assert.equal(
    trend.map(({ from }) => from),
    ['2023-05', '2023-05-14T09:30:00+0500', '2023-05-14T05:00:00Z', null, '2023-05-14T06:00:00', null],
  );
  assert.is(isoTimeMs('2023-05-14T06:00:00'), Date.UTC(2023, 4, 14, 6));
  assert.ok(
    ['05/06/2023', 'May 14, 2023', '2023-05-14 25:00', '', '20230514'].every((text) => Number.isNaN(isoTimeMs(text))),
  );
});

test.run();

function rows(name: string, count: number, shift: (i: number, target: string) => number): DriftRow[] {
  const random = randomFor(3, name);
  return Array.from({ length: count }, (_, i) => {
    const target = ['crow', 'tit', 'wren'][i % 3] as string;
    const by = shift(i, target);
    return {
      values: { pitch: random.normal() + by, loudness: random.normal(), length: random.normal(), target },
      confidence: Math.min(1, Math.max(0, 0.7 + 0.1 * random.normal() - 0.2 * by)),
      at: new Date(Date.UTC(2026, 0, 1, i)).toISOString(),
    };
  });
}
