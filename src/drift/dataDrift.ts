/** All columns of two tables, and whether the dataset has drifted: Evidently's DataDriftPreset. */
import { InvalidArgumentError } from '../../bindings/errors.ts';
import { type ColumnTest, type ColumnTestOptions, testColumn } from './columnTest.ts';
import { type ColumnType, columnTypes } from './columnTypes.ts';
import { densities, equalEdges } from './stats/histogram.ts';
import { type DriftColumn, type DriftTable, present } from './table.ts';

/** Bars of a small histogram: of numbers edges (one more than counts) and densities, of categories names and counts. */
export interface SmallDistribution {
  readonly x: readonly (number | string)[];
  readonly y: readonly number[];
}

export interface ColumnDrift extends ColumnTest {
  readonly name: string;
  readonly type: ColumnType;
  readonly reference: SmallDistribution;
  readonly current: SmallDistribution;
}

export interface DataDrift {
  /** From this share of drifted columns on the dataset has drifted. */
  readonly driftShare: number;
  /** Target and prediction first, then numbers, then categories, each by name. */
  readonly columns: readonly ColumnDrift[];
  readonly driftedColumns: number;
  readonly shareOfDriftedColumns: number;
  readonly datasetDrift: boolean;
}

export interface DataDriftOptions extends ColumnTestOptions {
  /** Default 0.5. */
  readonly driftShare?: number;
  /** Only these columns; default all that both sides have. */
  readonly only?: readonly string[];
}

/**
 * Compares every column that both tables have.
 *
 * @throws InvalidArgumentError for a column without values on one side (`comparableTables` leaves it out)
 */
export function dataDrift(reference: DriftTable, current: DriftTable, options: DataDriftOptions = {}): DataDrift {
  const { driftShare = 0.5, only } = options;
  const types = columnTypes(reference, current);
  const missing = only?.filter((name) => !types.has(name)) ?? [];
  if (missing.length > 0) {
    throw new InvalidArgumentError(
      `Expected columns that both sides have but received ${missing.join(', ')}: there are ${[...types.keys()].join(', ')}`,
    );
  }
  const columns = [...types]
    .filter(([name]) => only === undefined || only.includes(name))
    .map(([name, type]): ColumnDrift => {
      const [before, now] = [reference.columns.get(name) as DriftColumn, current.columns.get(name) as DriftColumn];
      const result = testColumn(name, type, before, now, options);
      return { name, type, ...result, ...distributions(type, before, now) };
    });
  const driftedColumns = columns.filter(({ drifted }) => drifted).length;
  const shareOfDriftedColumns = driftedColumns / columns.length;
  const datasetDrift = shareOfDriftedColumns >= driftShare;
  return { driftShare, columns, driftedColumns, shareOfDriftedColumns, datasetDrift };
}

/** Evidently's `as_dict()` of DatasetDriftMetric and DataDriftTable. */
export function dataDriftMetrics(drift: DataDrift): readonly object[] {
  const totals = {
    number_of_columns: drift.columns.length,
    number_of_drifted_columns: drift.driftedColumns,
    share_of_drifted_columns: drift.shareOfDriftedColumns,
    dataset_drift: drift.datasetDrift,
  };
  const byColumn = drift.columns.map((column) => [column.name, columnDriftDict(column)] as const);
  return [
    { metric: 'DatasetDriftMetric', result: { drift_share: drift.driftShare, ...totals } },
    {
      metric: 'DataDriftTable',
      result: { ...totals, drift_by_columns: Object.fromEntries(byColumn), current_fi: null, reference_fi: null },
    },
  ];
}

/** Evidently's `as_dict()` of one column. */
export function columnDriftDict(column: ColumnDrift): object {
  return {
    column_name: column.name,
    column_type: column.type,
    stattest_name: column.displayName,
    stattest_threshold: column.threshold,
    drift_score: column.score,
    drift_detected: column.drifted,
    current: { small_distribution: column.current },
    reference: { small_distribution: column.reference },
  };
}

function distributions(type: ColumnType, reference: DriftColumn, current: DriftColumn) {
  const [before, now] = [present(reference), present(current)];
  if (type === 'num' && before instanceof Float64Array && now instanceof Float64Array) {
    return { reference: density(before), current: density(now) };
  }
  const values = [...new Set<number | string>([...before, ...now])];
  const named = values.map((value) => [String(value), value] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const x = named.map(([, value]) => value);
  const count = (side: Float64Array | readonly string[]) => {
    const counts = new Map<number | string, number>();
    for (const value of side) counts.set(value, (counts.get(value) ?? 0) + 1);
    return { x, y: x.map((value) => counts.get(value) ?? 0) };
  };
  return { reference: count(before), current: count(now) };
}

function density(values: Float64Array): SmallDistribution {
  const edges = equalEdges(values, 10);
  return { x: [...edges], y: [...densities(values, edges)] };
}
