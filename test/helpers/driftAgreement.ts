/**
 * Compares our drift scores with golden ones of SciPy and Evidently (scripts/goldens/drift.py). As a command it prints the
 * largest differences of a larger file than the committed one:
 *
 *     node --import tsx test/helpers/driftAgreement.ts many.json
 */
import { readFileSync } from 'node:fs';
import { type TestName, testColumn } from '../../src/drift/columnTest.ts';
import type { ColumnType } from '../../src/drift/columnTypes.ts';
import { type DriftRow, DriftRows } from '../../src/drift/DriftRows.ts';
import { type DriftColumn, type DriftTable, type DriftValue, rowsOf } from '../../src/drift/table.ts';

/** Kind, number of values, seed, shift. */
type SampleSpec = readonly [string, number, number, number];
/** Name shown, threshold, score, drifted. */
type Score = readonly [string, number, number, boolean];

export interface GoldenPair {
  readonly reference: SampleSpec;
  readonly current: SampleSpec;
  readonly type: ColumnType;
  readonly scores: Readonly<Record<string, Score>>;
}

export interface GoldenReport {
  readonly reference: TableSpec;
  readonly current: TableSpec;
  // biome-ignore lint/suspicious/noExplicitAny: Evidently's dictionaries
  readonly metrics: readonly { readonly metric: string; readonly result: any }[];
}

/** Rows, seed, shift, missing values. */
export type TableSpec = readonly [number, number, number, boolean];

export interface Agreement {
  readonly compared: number;
  readonly largestDifference: number;
  readonly worst: GoldenPair | null;
  /** Pairs with another test, threshold or decision. */
  readonly otherDecisions: readonly GoldenPair[];
}

/** By test, relative where a distance is above 1; `auto` is Evidently's own choice, `asymptotic` the Kolmogorov tail. */
export function driftAgreement(pairs: readonly GoldenPair[]): Map<string, Agreement> {
  const results = new Map<string, Agreement>();
  for (const pair of pairs) {
    const [reference, current] = [column(pair.reference), column(pair.current)];
    const asymptotic = Math.max(rowsOf(reference), rowsOf(current)) > 10_000;
    for (const [name, [shown, threshold, score, drifted]] of Object.entries(pair.scores)) {
      const options = name === 'auto' ? {} : { test: name as TestName };
      const ours = testColumn('column', pair.type, reference, current, options);
      const key = asymptotic && shown === 'K-S p_value' ? 'asymptotic' : name;
      const so = results.get(key) ?? { compared: 0, largestDifference: 0, worst: null, otherDecisions: [] };
      const difference = Object.is(ours.score, score) ? 0 : Math.abs(ours.score - score) / Math.max(1, Math.abs(score));
      const worse = !(difference <= so.largestDifference);
      const same = ours.displayName === shown && ours.threshold === threshold && ours.drifted === drifted;
      results.set(key, {
        compared: so.compared + 1,
        largestDifference: worse ? difference : so.largestDifference,
        worst: worse ? pair : so.worst,
        otherDecisions: same ? so.otherDecisions : [...so.otherDecisions, pair],
      });
    }
  }
  return results;
}

/** The same numbers as `sample` of scripts/goldens/drift.py, to the last bit. */
export function sample(kind: string, n: number, seed: number, shift: number): number[] {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 12) / 2 ** 20;
  };
  const kinds: Readonly<Record<string, () => number>> = {
    bell: () => uniform() + uniform() + uniform() - 1.5 + shift,
    flat: () => uniform() + shift,
    skewed: () => {
      const u = uniform();
      return u * u * u * u + shift;
    },
    ties: () => Math.trunc(uniform() * 24) / 8 + shift,
    pair: () => Math.trunc(uniform() * 6) / 2 + shift,
    constant: () => 3 + shift,
    whole: () => Math.trunc(uniform() * 60) + Math.trunc(shift * 16),
    wide: () => (uniform() + uniform() - 1 + shift) * 2 ** 40,
    binary: () => (uniform() < 0.5 + shift / 2 ? 1 : 0),
    holes: () => {
      const u = uniform();
      const hole = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      return u < 0.05 ? (hole[Math.trunc(u * 60)] as number) : uniform() + shift;
    },
  };
  const one = kinds[kind] as () => number;
  return Array.from({ length: n }, one);
}

/** The same table as `table` of scripts/goldens/drift.py. */
export function goldenTable(spec: TableSpec): DriftTable {
  return DriftRows.of(goldenRows(spec)).table;
}

export function goldenRows([rows, seed, shift, holes]: TableSpec): DriftRow[] {
  const text = (values: number[], names: readonly string[]) => values.map((v) => names[v % names.length] as string);
  const target = sample('whole', rows, seed + 6, 0);
  const columns: Record<string, readonly DriftValue[]> = {
    mel_mean: sample('bell', rows, seed, shift),
    mel_std: sample('skewed', rows, seed + 1, shift),
    energy_mean: sample(holes ? 'holes' : 'flat', rows, seed + 2, 0),
    energy_std: sample('ties', rows, seed + 3, 0),
    channels: sample('binary', rows, seed + 4, shift),
    site: text(sample('whole', rows, seed + 5, shift), [...'abcdefgh']),
    target: seed % 2 === 1 ? target : text(target, ['crow', 'tit', 'wren']),
  };
  const names = Object.keys(columns);
  return Array.from({ length: rows }, (_, row) => ({
    values: Object.fromEntries(names.map((name) => [name, columns[name]?.[row] ?? null])),
  }));
}

/** Whole numbers only where Python's list is one of integers, which 3.0 is not. */
function column(spec: SampleSpec): DriftColumn {
  const [kind] = spec;
  return { kind: 'number', integer: kind === 'whole' || kind === 'binary', values: Float64Array.from(sample(...spec)) };
}

const [, script, file] = process.argv;
if (script !== undefined && import.meta.url.endsWith(script.split('/').at(-1) as string) && file !== undefined) {
  const { pairs } = JSON.parse(readFileSync(file, 'utf8')) as { readonly pairs: readonly GoldenPair[] };
  console.log(`${pairs.length} pairs`);
  for (const [name, { compared, largestDifference, worst, otherDecisions }] of driftAgreement(pairs)) {
    console.log(
      `${name}: ${compared} compared, largest difference ${largestDifference}, ${otherDecisions.length} other decisions`,
      largestDifference > 1e-9 || otherDecisions.length > 0 ? JSON.stringify([worst, otherDecisions.slice(0, 3)]) : '',
    );
  }
}
