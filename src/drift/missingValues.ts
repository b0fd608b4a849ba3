/** What is missing on both sides: Evidently's DatasetMissingValuesMetric, in its `as_dict` shape. */
import { type DriftColumn, type DriftTable, valueAt, valuesOf } from './table.ts';

/** As Evidently's JSON spells the kinds of missing values. */
const kinds = {
  '': (value: unknown) => value === '',
  Infinity: (value: unknown) => value === Number.POSITIVE_INFINITY,
  '-Infinity': (value: unknown) => value === Number.NEGATIVE_INFINITY,
  null: (value: unknown) => value === null || Number.isNaN(value),
} as const;
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

export interface MissingValues {
  readonly different_missing_values: Readonly<Record<Kind, number>>;
  readonly number_of_different_missing_values: number;
  readonly different_missing_values_by_column: Readonly<Record<string, Readonly<Record<Kind, number>>>>;
  readonly number_of_different_missing_values_by_column: Readonly<Record<string, number>>;
  readonly number_of_missing_values: number;
  readonly share_of_missing_values: number;
  readonly number_of_missing_values_by_column: Readonly<Record<string, number>>;
  readonly share_of_missing_values_by_column: Readonly<Record<string, number>>;
  readonly number_of_rows: number;
  readonly number_of_rows_with_missing_values: number;
  readonly share_of_rows_with_missing_values: number;
  readonly number_of_columns: number;
  readonly columns_with_missing_values: readonly string[];
  readonly number_of_columns_with_missing_values: number;
  readonly share_of_columns_with_missing_values: number;
}

export function missingValues({ rows, columns }: DriftTable): MissingValues {
  const byColumn = [...columns].map(([name, column]) => [name, countKinds(column)] as const);
  const perColumn = <T>(value: (counts: Record<Kind, number>) => T) =>
    Object.fromEntries(byColumn.map(([name, counts]) => [name, value(counts)]));
  const total = (counts: Record<Kind, number>) => kindNames.reduce((sum, kind) => sum + counts[kind], 0);
  const different = (counts: Record<Kind, number>) => kindNames.filter((kind) => counts[kind] > 0).length;
  const overall = Object.fromEntries(
    kindNames.map((kind) => [kind, byColumn.reduce((sum, [, counts]) => sum + counts[kind], 0)]),
  ) as Record<Kind, number>;
  const incomplete = byColumn.filter(([, counts]) => total(counts) > 0).map(([name]) => name);
  const lists = [...columns.values()];
  let rowsMissing = 0;
  for (let row = 0; row < rows; row++) {
    if (lists.some((column) => kindOf(valueAt(column, row)) !== null)) rowsMissing++;
  }
  return {
    different_missing_values: overall,
    number_of_different_missing_values: different(overall),
    different_missing_values_by_column: perColumn((counts) => counts),
    number_of_different_missing_values_by_column: perColumn(different),
    number_of_missing_values: total(overall),
    share_of_missing_values: total(overall) / (columns.size * rows),
    number_of_missing_values_by_column: perColumn(total),
    share_of_missing_values_by_column: perColumn((counts) => total(counts) / rows),
    number_of_rows: rows,
    number_of_rows_with_missing_values: rowsMissing,
    share_of_rows_with_missing_values: rowsMissing / rows,
    number_of_columns: columns.size,
    columns_with_missing_values: incomplete.sort(),
    number_of_columns_with_missing_values: incomplete.length,
    share_of_columns_with_missing_values: incomplete.length / columns.size,
  };
}

function countKinds(column: DriftColumn): Record<Kind, number> {
  const counts = { '': 0, Infinity: 0, '-Infinity': 0, null: 0 };
  for (const value of valuesOf(column)) {
    const kind = kindOf(value);
    if (kind !== null) counts[kind]++;
  }
  return counts;
}

function kindOf(value: unknown): Kind | null {
  return kindNames.find((kind) => kinds[kind](value)) ?? null;
}
