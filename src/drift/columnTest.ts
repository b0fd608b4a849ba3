/** One column against its reference: the test, its result, and the threshold of drift (Evidently 0.7). */
import { InvalidArgumentError } from '../../bindings/errors.ts';
import { addAt } from '../vectors.ts';
import type { ColumnType } from './columnTypes.ts';
import {
  hellinger,
  jensenShannon,
  kullbackLeibler,
  normedWasserstein,
  populationStability,
} from './stats/distances.ts';
import { countInBins, densities, sturgesEdges } from './stats/histogram.ts';
import { kolmogorovSmirnov } from './stats/kolmogorovSmirnov.ts';
import { chiSquare, proportionTest } from './stats/proportions.ts';
import { type DriftColumn, distinctValues, present, rowsOf } from './table.ts';

export type TestName = 'ks' | 'wasserstein' | 'jensenshannon' | 'chisquare' | 'z' | 'psi' | 'kl_div' | 'hellinger';

export interface ColumnTest {
  readonly test: TestName;
  /** As Evidently shows it. */
  readonly displayName: string;
  /** Drift from here on: below it for p-values, above it for distances. */
  readonly threshold: number;
  /** A p-value or a distance. */
  readonly score: number;
  readonly drifted: boolean;
}

interface Kind {
  readonly displayName: string;
  readonly drifts: (score: number, threshold: number) => boolean;
}

const below = (score: number, threshold: number) => score < threshold;
const atMost = (score: number, threshold: number) => score <= threshold;
const atLeast = (score: number, threshold: number) => score >= threshold;

const kinds: Readonly<Record<TestName, Kind>> = {
  ks: { displayName: 'K-S p_value', drifts: atMost },
  chisquare: { displayName: 'chi-square p_value', drifts: below },
  z: { displayName: 'Z-test p_value', drifts: below },
  wasserstein: { displayName: 'Wasserstein distance (normed)', drifts: atLeast },
  jensenshannon: { displayName: 'Jensen-Shannon distance', drifts: atLeast },
  psi: { displayName: 'PSI', drifts: atLeast },
  kl_div: { displayName: 'Kullback-Leibler divergence', drifts: atLeast },
  hellinger: { displayName: 'Hellinger distance', drifts: atLeast },
};

/** Whether the score of a test is a p-value. */
function isPValue(test: TestName): boolean {
  return test === 'ks' || test === 'chisquare' || test === 'z';
}

export interface ColumnTestOptions {
  /** Default: by type, number of reference rows and number of values, as Evidently chooses. */
  readonly test?: TestName;
  /** Default that of the test. */
  readonly threshold?: number;
  /** Of tests that give a p-value. Default 0.05. */
  readonly pValue?: number;
  /** Of tests that give a distance. Default 0.1. */
  readonly distance?: number;
}

/**
 * Tests a column; missing and infinite values are left out first.
 *
 * @throws InvalidArgumentError where nothing is left on one side
 */
export function testColumn(
  name: string,
  type: ColumnType,
  reference: DriftColumn,
  current: DriftColumn,
  options: ColumnTestOptions = {},
): ColumnTest {
  const [before, now] = [clean(name, 'reference', reference), clean(name, 'current', current)];
  const test = options.test ?? chooseTest(type, present(before).length, distinctValues(before, now));
  const { displayName, drifts } = kinds[test];
  const { pValue = 0.05, distance = 0.1 } = options;
  const threshold = options.threshold ?? (isPValue(test) ? pValue : distance);
  const score = scoreOf(test, type, before, now);
  return { test, displayName, threshold, score, drifted: drifts(score, threshold) };
}

/** Evidently's choice: tests up to 1,000 reference rows, distances above, because with many rows any difference is significant. */
function chooseTest(type: ColumnType, referenceRows: number, distinct: number): TestName {
  const few = type === 'cat' || distinct <= 5;
  if (referenceRows > 1000) return few ? 'jensenshannon' : 'wasserstein';
  if (!few) return 'ks';
  return distinct > 2 ? 'chisquare' : 'z';
}

function scoreOf(test: TestName, type: ColumnType, reference: DriftColumn, current: DriftColumn): number {
  const [before, now] = [present(reference), present(current)];
  if (test === 'ks' || test === 'wasserstein') {
    if (!(before instanceof Float64Array && now instanceof Float64Array)) {
      throw new InvalidArgumentError(`Expected a numeric column for the test ${test} but received text`);
    }
    return test === 'ks' ? kolmogorovSmirnov(before, now).pValue : normedWasserstein(before, now);
  }
  if (test === 'chisquare') return chiSquare(...categoryCounts(before, now));
  if (test === 'z') {
    const [a, b] = categoryCounts(before, now);
    if (a.length === 1) return 1;
    return proportionTest(before.length - (a[0] as number), before.length, now.length - (b[0] as number), now.length);
  }
  if (test === 'hellinger') return hellingerOf(type, reference, current);
  const [p, q] = shares(type, reference, current);
  if (test === 'jensenshannon') return jensenShannon(p, q);
  return test === 'psi'
    ? populationStability(withoutZeros(p), withoutZeros(q))
    : kullbackLeibler(withoutZeros(p), withoutZeros(q));
}

/** Shares of Sturges' bins over both sides where the reference has more than 20 values, else of the values themselves. */
function shares(type: ColumnType, reference: DriftColumn, current: DriftColumn): [Float64Array, Float64Array] {
  const [before, now] = [present(reference), present(current)];
  if (type === 'num' && distinctValues(reference) > 20 && isNumbers(before) && isNumbers(now)) {
    const edges = sturgesEdges({ values: joined(before, now), integer: areWhole(reference, current) });
    return [
      countInBins(before, edges).map((n) => n / before.length),
      countInBins(now, edges).map((n) => n / now.length),
    ];
  }
  const [a, b] = categoryCounts(before, now);
  return [a.map((count) => count / before.length), b.map((count) => count / now.length)];
}

/** Hellinger's bins are Sturges' over the *different* values. */
function hellingerOf(type: ColumnType, reference: DriftColumn, current: DriftColumn): number {
  const [before, now] = [present(reference), present(current)];
  if (type === 'cat' || !isNumbers(before) || !isNumbers(now)) {
    const [a, b] = categoryCounts(before, now);
    return hellinger(
      a.map((count) => count / before.length),
      b.map((count) => count / now.length),
    );
  }
  const different = Float64Array.from(new Set(joined(before, now)));
  const edges = sturgesEdges({ values: different, integer: areWhole(reference, current) });
  const width = ((edges.at(-1) as number) - (edges[0] as number)) / (edges.length - 1);
  return hellinger(densities(before, edges), densities(now, edges), width);
}

/** Zeros become 0.0001, or a millionth of the smallest share where that is smaller still. */
function withoutZeros(values: Float64Array): Float64Array {
  const least = values.reduce((low, value) => (value > 0 && value < low ? value : low), Number.POSITIVE_INFINITY);
  return values.map((value) => (value === 0 ? (least <= 0.0001 ? least / 1e6 : 0.0001) : value));
}

/** How often each value of either side occurs on both. */
export function categoryCounts(
  reference: Float64Array | readonly string[],
  current: Float64Array | readonly string[],
): [Float64Array, Float64Array] {
  const places = new Map<number | string, number>();
  for (const side of [reference, current]) {
    for (const value of side) if (!places.has(value)) places.set(value, places.size);
  }
  const count = (side: Float64Array | readonly string[]) => {
    const counts = new Float64Array(places.size);
    for (const value of side) {
      const place = places.get(value) as number;
      addAt(counts, place, 1);
    }
    return counts;
  };
  return [count(reference), count(current)];
}

function clean(name: string, side: string, column: DriftColumn): DriftColumn {
  const there: DriftColumn =
    column.kind === 'number'
      ? { ...column, values: present(column) }
      : { ...column, codes: column.codes.filter(Boolean) };
  if (rowsOf(there) === 0) {
    throw new InvalidArgumentError(
      `Expected values in the column ${JSON.stringify(name)} but the ${side} has none that is there and finite: leave the column out`,
    );
  }
  return there;
}

function isNumbers(values: Float64Array | readonly string[]): values is Float64Array {
  return values instanceof Float64Array;
}

function areWhole(...columns: readonly DriftColumn[]): boolean {
  return columns.every((column) => column.kind === 'number' && column.integer);
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
