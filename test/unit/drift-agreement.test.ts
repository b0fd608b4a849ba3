/** Scores, choices and decisions are those of SciPy and Evidently; the committed pairs are a few of the thousands compared by hand. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { columnCorrelations, correlationsDict } from '../../src/drift/columnCorrelations.ts';
import { columnDriftDict, dataDrift, dataDriftMetrics } from '../../src/drift/dataDrift.ts';
import { dataQualityMetrics } from '../../src/drift/dataQuality.ts';
import { detectDrift } from '../../src/drift/detectDrift.ts';
import { driftToJson } from '../../src/drift/driftToJson.ts';
import { missingValues } from '../../src/drift/missingValues.ts';
import {
  driftAgreement,
  type GoldenPair,
  type GoldenReport,
  goldenRows,
  goldenTable,
} from '../helpers/driftAgreement.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/drift.json', import.meta.url), 'utf8')) as {
  readonly pairs: readonly GoldenPair[];
  readonly reports: readonly GoldenReport[];
};

test('every test gives the score and the decision of SciPy and Evidently', () => {
  assert.ok(golden.pairs.length > 200);
  const results = driftAgreement(golden.pairs);
  assert.equal([...results.keys()].sort(), [
    'asymptotic',
    'auto',
    'hellinger',
    'jensenshannon',
    'kl_div',
    'ks',
    'psi',
    'wasserstein',
  ]);
  for (const [name, { compared, largestDifference, otherDecisions, worst }] of results) {
    assert.ok(compared > 10, `${name}: ${compared}`);
    const tolerance = name === 'asymptotic' ? 1e-7 : 1e-9;
    assert.ok(largestDifference <= tolerance, `${name}: ${largestDifference} in ${JSON.stringify(worst)}`);
    assert.equal(otherDecisions, [], name);
  }
});

test('a report has the dictionary of Evidently: columns, types, tests, distributions, dataset rule', () => {
  for (const { reference, current, metrics } of golden.reports) {
    const [before, now] = [goldenTable(reference), goldenTable(current)];
    const ours = dataDriftMetrics(dataDrift(before, now)) as readonly { readonly metric: string }[];
    for (const mine of ours) {
      close(
        mine,
        metrics.find(({ metric }) => metric === mine.metric),
        mine.metric,
      );
    }
  }
});

test('the drift of the target alone is that of its column', () => {
  for (const { reference, current, metrics } of golden.reports) {
    const drift = dataDrift(goldenTable(reference), goldenTable(current), { only: ['target'] });
    const theirs = metrics.find(({ metric }) => metric === 'ColumnDriftMetric')?.result;
    close(columnDriftDict(drift.columns[0] as (typeof drift.columns)[number]), theirs, 'target');
  }
});

test('data quality has the figures of Evidently', () => {
  for (const { reference, current, metrics } of golden.reports) {
    const ours = dataQualityMetrics(goldenTable(reference), goldenTable(current)) as readonly {
      readonly metric: string;
      readonly result: { readonly column_name?: string };
    }[];
    assert.is(ours.length, 8);
    for (const mine of ours) {
      const theirs = metrics.find(
        ({ metric, result }) => metric === mine.metric && result.column_name === mine.result.column_name,
      );
      close(mine, theirs, `${mine.metric} ${mine.result.column_name}`);
    }
  }
});

test('missing values and correlations are those of Evidently', () => {
  for (const { reference, current, metrics } of golden.reports) {
    const [before, now] = [goldenTable(reference), goldenTable(current)];
    const theirs = (name: string) => metrics.find(({ metric }) => metric === name)?.result;
    const missing = { current: missingValues(now), reference: missingValues(before) };
    close(missing, theirs('DatasetMissingValuesMetric'), 'missing');
    const correlations = columnCorrelations('target', before, now);
    close(correlationsDict(correlations), theirs('ColumnCorrelationsMetric'), 'correlations');
    assert.ok(Object.keys(correlations.current).length > 0);
  }
});

test('the JSON of a comparison has the metrics of the three presets, in their order', () => {
  for (const { reference, current, metrics } of golden.reports) {
    const result = detectDrift(goldenRows(reference), goldenRows(current));
    const ours = driftToJson(result)['metrics'] as readonly { readonly metric: string; readonly result: object }[];
    assert.equal(
      ours.map(({ metric }) => metric),
      metrics.map(({ metric }) => metric),
    );
  }
});

test.run();

/** Equal but for rounding in numbers. */
function close(actual: unknown, expected: unknown, where: string): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    assert.ok(
      Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
      `${where}: ${actual}, ${expected}`,
    );
  } else if (actual !== null && typeof actual === 'object' && expected !== null && typeof expected === 'object') {
    const [a, b] = [actual as Record<string, unknown>, expected as Record<string, unknown>];
    assert.equal(Object.keys(a).sort(), Object.keys(b).sort(), where);
    for (const key of Object.keys(a)) close(a[key], b[key], `${where}.${key}`);
  } else assert.is(actual, expected, where);
}
