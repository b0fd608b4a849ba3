/** Which of a run's validated epochs became its best checkpoint. */
import type { TrainingConfig } from '../config/schema.ts';

type Measured = {
  readonly valLoss: number | null;
  readonly valAccuracy: number | null;
  readonly valBalancedAccuracy: number | null;
};

/** The value of `training.metric` in a record; null without validation recordings. */
export function metricOf(record: Measured, metric: TrainingConfig['metric']): number | null {
  return {
    val_loss: record.valLoss,
    val_accuracy: record.valAccuracy,
    val_balanced_accuracy: record.valBalancedAccuracy,
  }[metric];
}

/**
 * The best record: of equals in the metric the one with the smaller loss, because on few recordings accuracies are often
 * equal. Without validation recordings the last one.
 */
export function bestRecord<T extends Measured>(records: readonly T[], metric: TrainingConfig['metric']): T | undefined {
  const rank = (record: T): readonly [number, number] => {
    const value = metricOf(record, metric) ?? 0;
    return [metric === 'val_loss' ? -value : value, -(record.valLoss ?? 0)];
  };
  const measured = records.some((record) => metricOf(record, metric) !== null);
  if (!measured) return records.at(-1);
  return records.reduce((best, next) => {
    const [a, b] = [rank(best), rank(next)];
    return b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? next : best;
  });
}
