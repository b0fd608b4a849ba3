/** What the two tables look like before anything is compared: Evidently's DataQualityPreset, in its `as_dict` shape. */

import { mean } from '../vectors.ts';
import { type ColumnType, qualityTypes } from './columnTypes.ts';
import { type DriftColumn, type DriftTable, distinctValues, rowsOf, valueAt, valuesOf } from './table.ts';

type Cell = number | string | null;

/** DatasetSummaryMetric, and ColumnSummaryMetric for each column. */
export function dataQualityMetrics(reference: DriftTable, current: DriftTable): readonly object[] {
  const types = qualityTypes(reference, current);
  const columns = [...types].map(([name, type]) => {
    const [before, now] = [reference.columns.get(name) as DriftColumn, current.columns.get(name) as DriftColumn];
    return {
      metric: 'ColumnSummaryMetric',
      result: {
        column_name: name,
        column_type: type,
        reference_characteristics: { ...characteristics(type, before), ...(type === 'cat' && newValues(null, null)) },
        current_characteristics: { ...characteristics(type, now), ...(type === 'cat' && newValues(before, now)) },
      },
    };
  });
  const summary = {
    almost_duplicated_threshold: nearly,
    current: datasetSummary(current),
    reference: datasetSummary(reference),
  };
  return [{ metric: 'DatasetSummaryMetric', result: summary }, ...columns];
}

/** Columns that agree in, or values that fill, this share of the rows count as almost equal, almost constant. */
const nearly = 0.95;

function datasetSummary({ rows, columns }: DriftTable) {
  const list = [...columns.values()];
  const features = [...columns].filter(([name]) => name !== 'target' && name !== 'prediction');
  const missing = list.map((column) => countMissing(column));
  const pairs = list.flatMap((a, i) => list.slice(i + 1).map((b) => [a, b] as const)).filter(sameType);
  const agreeing = ([a, b]: readonly [DriftColumn, DriftColumn], missingAgree: boolean) =>
    countRows(rows, (row) => {
      const [x, y] = [valueAt(a, row), valueAt(b, row)];
      return (x === y && x !== null) || (missingAgree && isMissing(x) && isMissing(y));
    });
  return {
    target: columns.has('target') ? 'target' : null,
    prediction: columns.has('prediction') ? 'prediction' : null,
    date_column: null,
    id_column: null,
    number_of_columns: list.length,
    number_of_rows: rows,
    number_of_missing_values: missing.reduce((sum, count) => sum + count, 0),
    number_of_categorical_columns: features.filter(([, { kind }]) => kind === 'text').length,
    number_of_numeric_columns: features.filter(([, { kind }]) => kind === 'number').length,
    number_of_text_columns: 0,
    number_of_datetime_columns: 0,
    number_of_constant_columns: list.filter((column) => distinctValues(column) <= 1).length,
    number_of_almost_constant_columns: list.filter((column) => mostCommon(column, false)[1] / rows >= nearly).length,
    number_of_duplicated_columns: pairs.filter((pair) => agreeing(pair, true) === rows).length,
    number_of_almost_duplicated_columns: pairs.filter((pair) => agreeing(pair, false) / rows >= nearly).length,
    number_of_empty_rows: countRows(rows, (row) => list.every((column) => isMissing(valueAt(column, row)))),
    number_of_empty_columns: missing.filter((count) => count === rows).length,
    number_of_duplicated_rows: rows - differentRows(list, rows),
    nans_by_columns: Object.fromEntries([...columns.keys()].map((name, i) => [name, missing[i]])),
    number_uniques_by_columns: Object.fromEntries([...columns].map(([name, one]) => [name, distinctValues(one)])),
  };
}

/** Groups of equal rows are split by one column after the other: no row has to be kept as a whole. */
function differentRows(columns: readonly DriftColumn[], rows: number): number {
  const groups = new Uint32Array(rows);
  let count = 1;
  for (const column of columns) {
    if (count === rows) break;
    const valueNumbers = new Map<Cell, number>();
    const split = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      const value = valueAt(column, row);
      const valueNumber = numberOf(valueNumbers, isMissing(value) ? null : value);
      groups[row] = numberOf(split, (groups[row] as number) * rows + valueNumber);
    }
    count = split.size;
  }
  return count;
}

/** The number of a key: how many others came before it. */
function numberOf<Key>(numbers: Map<Key, number>, key: Key): number {
  const number = numbers.get(key) ?? numbers.size;
  numbers.set(key, number);
  return number;
}

function countRows(rows: number, matches: (row: number) => boolean): number {
  let count = 0;
  for (let row = 0; row < rows; row++) if (matches(row)) count++;
  return count;
}

function characteristics(type: ColumnType, column: DriftColumn) {
  const rows = rowsOf(column);
  const missing = countMissing(column);
  const share = (count: number) => rounded((100 * count) / rows, 2);
  const [common, times] = mostCommon(column, true);
  const head = { number_of_rows: rows, count: rows - missing, missing, missing_percentage: share(missing) };
  const unique = distinctValues(column);
  const uniques = { unique, unique_percentage: share(unique) };
  const mostCommonValue = { most_common: isMissing(common) ? null : common, most_common_percentage: share(times) };
  if (type === 'cat' || column.kind === 'text') {
    // pandas writes a category that is a number as text where its column is a target.
    return { ...head, ...uniques, ...mostCommonValue };
  }
  const there = column.values.filter((value) => !Number.isNaN(value)).toSorted();
  const middle = mean(there);
  const variance = there.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (there.length - 1);
  const infinite = there.filter((value) => !Number.isFinite(value)).length;
  return {
    ...head,
    mean: finite(middle),
    std: finite(Math.sqrt(variance)),
    min: finite(there[0]),
    p25: finite(percentile(there, 0.25)),
    p50: finite(percentile(there, 0.5)),
    p75: finite(percentile(there, 0.75)),
    max: finite(there.at(-1)),
    ...uniques,
    infinite_count: infinite,
    infinite_percentage: share(infinite),
    ...mostCommonValue,
    most_common: typeof common === 'number' && !column.integer ? finite(common, 5) : mostCommonValue.most_common,
  };
}

/** How many values only one side has. */
function newValues(before: DriftColumn | null, now: DriftColumn | null) {
  if (before === null || now === null)
    return { new_in_current_values_count: null, unused_in_current_values_count: null };
  const [old, recent] = [new Set<Cell>(valuesOf(before)), new Set<Cell>(valuesOf(now))];
  return {
    new_in_current_values_count: [...recent].filter((value) => !old.has(value)).length,
    unused_in_current_values_count: [...old].filter((value) => !recent.has(value)).length,
  };
}

/** The most frequent value, of equals the one that came first, and how often it occurs; 0 times where there is none. */
function mostCommon(column: DriftColumn, withMissing: boolean): readonly [Cell, number] {
  const counts = new Map<Cell, number>();
  for (const value of valuesOf(column)) {
    if (withMissing || !isMissing(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  let most: readonly [Cell, number] = [null, 0];
  for (const one of counts) if (one[1] > most[1]) most = one;
  return most;
}

/** Linear between the neighbours (pandas' default). */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  return low === high ? low : low + (high - low) * (at - Math.floor(at));
}

/** Two decimals, halves to the even digit as NumPy has it; null for what JSON has no number for. */
function finite(value: number | undefined, decimals = 2): number | null {
  return value === undefined || !Number.isFinite(value) ? null : rounded(value, decimals);
}

function rounded(value: number, decimals: number): number {
  const scaled = value * 10 ** decimals;
  const rounded = Math.round(scaled);
  const half = Math.abs(scaled - Math.trunc(scaled)) === 0.5;
  return (half && rounded % 2 !== 0 ? rounded - 1 : rounded) / 10 ** decimals;
}

function countMissing(column: DriftColumn): number {
  return countRows(rowsOf(column), (row) => isMissing(valueAt(column, row)));
}

function isMissing(value: Cell): boolean {
  return value === null || Number.isNaN(value);
}

function sameType([a, b]: readonly [DriftColumn, DriftColumn]): boolean {
  return a.kind === b.kind && (a.kind === 'text' || b.kind === 'text' || a.integer === b.integer);
}
