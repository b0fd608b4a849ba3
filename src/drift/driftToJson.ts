/** A drift result for machines. */
import { snakeCase } from '../schema/names.ts';
import { correlationsDict } from './columnCorrelations.ts';
import { type ColumnDrift, columnDriftDict, dataDriftMetrics } from './dataDrift.ts';
import type { DriftResult } from './detectDrift.ts';

/**
 * Keys in snake_case. `metrics` has the shape of Evidently's `as_dict()` for DataDriftPreset, DataQualityPreset and
 * TargetDriftPreset, in their order; everything beside it is ours.
 */
export function driftToJson(result: DriftResult): Record<string, unknown> {
  const { drift, quality, missing, correlations, referenceRows, currentRows, leftOut, ...ours } = result;
  const targets = correlations.flatMap((one) => {
    const column = drift.columns.find(({ name }) => name === one.column) as ColumnDrift;
    return [
      { metric: 'ColumnDriftMetric', result: columnDriftDict(column) },
      ...(one.column === 'target' && column.type === 'num' ? [{ metric: 'ColumnValuePlot', result: {} }] : []),
      { metric: 'ColumnCorrelationsMetric', result: correlationsDict(one) },
    ];
  });
  return {
    dataset_drift: drift.datasetDrift,
    n_reference: referenceRows,
    n_current: currentRows,
    left_out: leftOut,
    metrics: [
      ...dataDriftMetrics(drift),
      ...quality,
      { metric: 'DatasetMissingValuesMetric', result: missing },
      ...targets,
      // Empty in Evidently too, as the plot of values is, unless raw data are requested.
      ...(targets.length > 0 ? [{ metric: 'TargetByFeaturesTable', result: {} }] : []),
    ],
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
