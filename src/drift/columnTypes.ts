/** Which columns are numbers and which are categories: the rules of Evidently 0.7. */
import { type DriftColumn, type DriftTable, distinctValues } from './table.ts';

export type ColumnType = 'num' | 'cat';

/**
 * Types for drift of the columns that both tables have, in Evidently's order: target, prediction, numeric features,
 * categories (each by name). A feature of numbers is numeric however few values it has; a target of numbers from five
 * values in the reference on.
 */
export function columnTypes(reference: DriftTable, current: DriftTable): Map<string, ColumnType> {
  const shared = sharedColumns(reference, current);
  const types = new Map<string, ColumnType>();
  const before = reference.columns.get('target');
  const task =
    shared.includes('target') && before
      ? isNumeric('target', reference, current) && distinctValues(before) >= 5
        ? 'num'
        : 'cat'
      : null;
  if (task !== null) types.set('target', task);
  if (shared.includes('prediction')) types.set('prediction', predictionType(task, reference, current));
  const features = shared.filter((name) => !types.has(name));
  for (const type of ['num', 'cat'] as const) {
    for (const name of features)
      if ((isNumeric(name, reference, current) ? 'num' : 'cat') === type) types.set(name, type);
  }
  return types;
}

/**
 * Types for data quality, where whole numbers of up to five values are categories, of a target or prediction any numbers of
 * so few.
 */
export function qualityTypes(reference: DriftTable, current: DriftTable): Map<string, ColumnType> {
  const typeOf = (name: string): ColumnType => {
    const [before, now] = [reference.columns.get(name) as DriftColumn, current.columns.get(name) as DriftColumn];
    if (!isNumeric(name, reference, current)) return 'cat';
    const few = (distinctValues(before) || distinctValues(now)) <= 5;
    const integer = now.kind === 'number' && now.integer;
    return few && (integer || name === 'target') ? 'cat' : 'num';
  };
  return new Map(sharedColumns(reference, current).map((name) => [name, typeOf(name)]));
}

function predictionType(task: ColumnType | null, reference: DriftTable, current: DriftTable): ColumnType {
  if (!isNumeric('prediction', reference, current)) return 'cat';
  if (task === 'num') return 'num';
  const columns = [reference, current].map((table) => table.columns.get('prediction') as DriftColumn);
  if (task === null && distinctValues(...columns) > 5) return 'num';
  const isInteger = columns.every((column) => column.kind === 'number' && column.integer);
  const outside = columns.some((one) => one.kind === 'number' && one.values.some((value) => value < 0 || value > 1));
  return isInteger || outside ? 'cat' : 'num';
}

function sharedColumns(reference: DriftTable, current: DriftTable): string[] {
  return [...reference.columns.keys()].filter((name) => current.columns.has(name)).sort();
}

function isNumeric(name: string, ...tables: readonly DriftTable[]): boolean {
  return tables.every((table) => table.columns.get(name)?.kind === 'number');
}
