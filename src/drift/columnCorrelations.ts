/** How the target or the prediction goes together with the features, on both sides: Evidently's ColumnCorrelationsMetric. */

import { addAt } from '../vectors.ts';
import { type ColumnType, qualityTypes } from './columnTypes.ts';
import { cramersV, kendall, pearson, spearman } from './stats/correlation.ts';
import type { DriftColumn, DriftTable } from './table.ts';

/** Numbers: `pearson`, `spearman`, `kendall`. Categories: `cramer_v`. Null where one of the two does not vary. */
export interface ColumnCorrelations {
  readonly column: string;
  readonly reference: Correlations;
  readonly current: Correlations;
}

export type CorrelationKind = 'pearson' | 'spearman' | 'kendall' | 'cramer_v';
/** By kind: the features in order of name, with their values. */
export type Correlations = Readonly<
  Partial<Record<CorrelationKind, { readonly x: readonly string[]; readonly y: readonly (number | null)[] }>>
>;

/** With the features of the column's own type. */
export function columnCorrelations(name: string, reference: DriftTable, current: DriftTable): ColumnCorrelations {
  const types = qualityTypes(reference, current);
  const type = types.get(name) as ColumnType;
  const features = [...types].filter(([other, its]) => its === type && other !== 'target' && other !== 'prediction');
  const names = features.map(([feature]) => feature).sort();
  const side = (table: DriftTable) => (names.length === 0 ? {} : sideCorrelations(type, name, names, table));
  return { column: name, reference: side(reference), current: side(current) };
}

/** Evidently's `as_dict()`. */
export function correlationsDict({ column, reference, current }: ColumnCorrelations): object {
  const side = (correlations: Correlations) =>
    Object.fromEntries(
      Object.entries(correlations).map(([kind, values]) => [kind, { column_name: column, kind, values }]),
    );
  return { column_name: column, current: side(current), reference: side(reference) };
}

function sideCorrelations(
  type: ColumnType,
  name: string,
  names: readonly string[],
  { columns }: DriftTable,
): Correlations {
  const [own, others] = [columns.get(name) as DriftColumn, names.map((other) => columns.get(other) as DriftColumn)];
  const values = (correlate: (other: DriftColumn) => number) => ({
    x: names,
    y: others.map((other) => {
      const value = correlate(other);
      return Number.isNaN(value) ? null : value;
    }),
  });
  if (type === 'cat') return { cramer_v: values((other) => cramersV(contingency(own, other))) };
  const numeric = (correlate: typeof pearson) => values((other) => correlate(...finitePairs(own, other)));
  return { pearson: numeric(pearson), spearman: numeric(spearman), kendall: numeric(kendall) };
}

/** Rows where both are finite. */
function finitePairs(a: DriftColumn, b: DriftColumn): [Float64Array, Float64Array] {
  const both = [...a.values.keys()].filter((i) => Number.isFinite(a.values[i]) && Number.isFinite(b.values[i]));
  const pick = ({ values }: DriftColumn) => Float64Array.from(both, (i) => values[i] as number);
  return [pick(a), pick(b)];
}

/** Counts of each pair of values, of rows where both are there. */
function contingency(a: DriftColumn, b: DriftColumn): number[][] {
  const isThere = (value: unknown) => value !== null && !Number.isNaN(value);
  const pairs = [...a.values.keys()]
    .map((i) => [a.values[i], b.values[i]] as const)
    .filter(([x, y]) => isThere(x) && isThere(y));
  const places = (values: readonly unknown[]) => new Map([...new Set(values)].map((value, i) => [value, i]));
  const [rows, columns] = [places(pairs.map(([x]) => x)), places(pairs.map(([, y]) => y))];
  const counts = Array.from({ length: rows.size }, () => new Array<number>(columns.size).fill(0));
  for (const [x, y] of pairs) {
    const row = counts[rows.get(x) as number] as number[];
    const place = columns.get(y) as number;
    addAt(row, place, 1);
  }
  return counts;
}
