import type { Run } from '../../run/Run.ts';
import type { TrainingListener } from '../TrainingListener.ts';

/** `metrics.jsonl`: a line a validated epoch, those that the checkpoint knows and no other. */
export function metricsFile(run: Run): TrainingListener {
  return {
    restored: (history) => run.resetMetrics(history),
    saved: (record) => run.appendMetrics(record),
  };
}
