/** Rows to compare, column by column, with what pandas would make of them. */
import { InvalidArgumentError } from '../../bindings/errors.ts';

export interface NumberColumn {
  readonly kind: 'number';
  /** Only whole numbers and none missing: few of them are categories. */
  readonly integer: boolean;
  /** NaN where a value is missing. */
  readonly values: Float64Array;
}

export interface TextColumn {
  readonly kind: 'text';
  /** Null where a value is missing. */
  readonly values: readonly (string | null)[];
}

export type DriftColumn = NumberColumn | TextColumn;

/** The columns `target` and `prediction` are the true label and the predicted one; all others are features. */
export interface DriftTable {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, DriftColumn>;
}

/** A cell as JSON or CSV has it. */
export type DriftValue = number | string | boolean | null;

/**
 * A table from rows. A column is numeric where every value that is there is a number; `true` and `false` are text.
 *
 * @throws InvalidArgumentError where there is no row or no column
 */
export function driftTable(rows: readonly Readonly<Record<string, DriftValue>>[]): DriftTable {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (rows.length === 0 || names.length === 0) {
    throw new InvalidArgumentError(
      `Expected rows with columns to compare but received ${rows.length} rows with ${names.length} columns`,
    );
  }
  return {
    rows: rows.length,
    columns: new Map(names.map((name) => [name, columnOf(rows.map((row) => row[name] ?? null))])),
  };
}

function columnOf(values: readonly DriftValue[]): DriftColumn {
  const there = values.filter((value) => value !== null);
  if (there.length > 0 && there.every((value) => typeof value === 'number')) {
    const integer = there.length === values.length && there.every((value) => Number.isInteger(value));
    return { kind: 'number', integer, values: Float64Array.from(values, (value) => (value ?? Number.NaN) as number) };
  }
  return { kind: 'text', values: values.map((value) => (value === null ? null : String(value))) };
}

/** The values that are there; of numbers the finite ones. */
export function present(column: NumberColumn): Float64Array;
export function present(column: TextColumn): string[];
export function present(column: DriftColumn): Float64Array | string[];
export function present(column: DriftColumn): Float64Array | string[] {
  return column.kind === 'number'
    ? column.values.filter(Number.isFinite)
    : column.values.filter((value) => value !== null);
}

/** How many different values there are, missing ones not counted, infinite ones counted. */
export function distinctValues(...columns: readonly DriftColumn[]): number {
  const seen = new Set<number | string>();
  for (const { values } of columns) {
    for (const value of values) if (value !== null && !Number.isNaN(value)) seen.add(value);
  }
  return seen.size;
}
