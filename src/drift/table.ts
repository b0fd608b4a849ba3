/** Rows to compare, column by column, with what pandas would make of them. */

export interface NumberColumn {
  readonly kind: 'number';
  /** Only whole numbers and none missing: few of them are categories. */
  readonly integer: boolean;
  /** NaN where a value is missing. */
  readonly values: Float64Array;
}

/** Each text is kept once, however many rows have it. */
export interface TextColumn {
  readonly kind: 'text';
  readonly texts: readonly string[];
  /** Of each row 1 + the place of its text in `texts`, 0 where it is missing. */
  readonly codes: Uint32Array;
}

export type DriftColumn = NumberColumn | TextColumn;

/** The columns `target` and `prediction` are the true label and the predicted one; all others are features. */
export interface DriftTable {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, DriftColumn>;
}

/** A cell as JSON or CSV has it. */
export type DriftValue = number | string | boolean | null;

/** Of one row: null where a text is missing, NaN where a number is. */
export function valueAt(column: DriftColumn, row: number): number | string | null {
  if (column.kind === 'number') return column.values[row] as number;
  return column.texts[(column.codes[row] as number) - 1] ?? null;
}

/** Of all rows, as {@link valueAt} has them. */
export function* valuesOf(column: DriftColumn): Generator<number | string | null, void> {
  for (let row = 0; row < rowsOf(column); row++) yield valueAt(column, row);
}

export function rowsOf(column: DriftColumn): number {
  return column.kind === 'number' ? column.values.length : column.codes.length;
}

/** The values that are there; of numbers the finite ones. */
export function present(column: NumberColumn): Float64Array;
export function present(column: TextColumn): string[];
export function present(column: DriftColumn): Float64Array | string[];
export function present(column: DriftColumn): Float64Array | string[] {
  if (column.kind === 'number') return column.values.filter(Number.isFinite);
  return Array.from(column.codes.filter(Boolean), (code) => column.texts[code - 1] as string);
}

/** How many different values there are, missing ones not counted, infinite ones counted. */
export function distinctValues(...columns: readonly DriftColumn[]): number {
  const numbers = columns.flatMap((column) => (column.kind === 'number' ? [column.values] : []));
  const texts = new Set(columns.flatMap((column) => (column.kind === 'text' ? usedTexts(column) : [])));
  return distinctNumbers(numbers) + texts.size;
}

/** Sorted rather than gathered in a set, which takes several times the memory. */
function distinctNumbers(parts: readonly Float64Array[]): number {
  const sorted = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    for (const value of part) if (!Number.isNaN(value)) sorted[end++] = value;
  }
  const there = sorted.subarray(0, end).sort();
  let distinct = 0;
  for (let i = 0; i < end; i++) if (i === 0 || there[i] !== there[i - 1]) distinct++;
  return distinct;
}

/** Those that some row has: the rows may be a few of those that the texts are of. */
function usedTexts({ texts, codes }: TextColumn): string[] {
  return Array.from(new Set(codes.filter(Boolean)), (code) => texts[code - 1] as string);
}
