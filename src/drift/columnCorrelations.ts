/** How the target or the prediction goes together with the features, on both sides: Evidently's ColumnCorrelationsMetric. */
import { type ColumnType, qualityTypes } from './columnTypes.ts';
import { cramersV, kendall, pearson, spearman } from './stats/correlation.ts';
import { type DriftColumn, type DriftTable, rowsOf, valueAt } from './table.ts';

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
  if (a.kind === 'text' || b.kind === 'text') return [new Float64Array(), new Float64Array()];
  const areFinite = (row: number) => Number.isFinite(a.values[row]) && Number.isFinite(b.values[row]);
  return [a.values.filter((_, row) => areFinite(row)), b.values.filter((_, row) => areFinite(row))];
}

/** Counts of each pair of values, of rows where both are there. */
function contingency(a: DriftColumn, b: DriftColumn): number[][] {
  const [rows, columns] = [new Map<number | string, number>(), new Map<number | string, number>()];
  const counts: number[][] = [];
  const isThere = (value: number | string | null): value is number | string => value !== null && !Number.isNaN(value);
  const placeIn = (places: Map<number | string, number>, value: number | string) => {
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    return place;
  };
  for (let row = 0; row < rowsOf(a); row++) {
    const [x, y] = [valueAt(a, row), valueAt(b, row)];
    if (!isThere(x) || !isThere(y)) continue;
    const [i, j] = [placeIn(rows, x), placeIn(columns, y)];
    counts[i] ??= [];
    counts[i][j] = (counts[i][j] ?? 0) + 1;
  }
  return counts.map((row) => Array.from({ length: columns.size }, (_, place) => row[place] ?? 0));
}
