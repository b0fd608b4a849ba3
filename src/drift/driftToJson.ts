/** A drift result for machines. */
import { snakeCase } from '../schema/names.ts';
import { columnDriftDict, dataDriftMetrics } from './dataDrift.ts';
import type { DriftResult } from './detectDrift.ts';

/**
 * Keys in snake_case. `metrics` has the shape of Evidently's `as_dict()` for DataDriftPreset, DataQualityPreset (summaries)
 * and TargetDriftPreset (ColumnDriftMetric); everything beside it is ours.
 */
export function driftToJson(result: DriftResult): Record<string, unknown> {
  const { drift, quality, referenceRows, currentRows, ...ours } = result;
  const targets = drift.columns.filter(({ name }) => name === 'target' || name === 'prediction');
  const targetMetrics = targets.map((column) => ({ metric: 'ColumnDriftMetric', result: columnDriftDict(column) }));
  return {
    dataset_drift: drift.datasetDrift,
    n_reference: referenceRows,
    n_current: currentRows,
    metrics: [...dataDriftMetrics(drift), ...quality, ...targetMetrics],
    ...(snakeKeys(ours) as object),
  };
}

/** Names of columns are data and stay; none of our own keys has data for a name but `effects`. */
function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [snakeCase(key), key === 'effects' ? item : snakeKeys(item)]),
  );
}
