import type { Trainer } from '../../bindings/index.ts';
import type { ClipTable } from '../../bindings/native.ts';
import type { ClipsConfig, EvaluationConfig } from '../config/schema.ts';
import { clipTable } from '../data/clips.ts';
import type { Aggregation, Label, Recording } from '../domain.ts';
import { type ClipLogits, calibrate, scoreRecordings } from '../scoring/calibration.ts';
import { figures, negativeLogLikelihood } from '../scoring/metrics.ts';

/** The validation recordings as the trainer scores them between epochs. */
export interface ValidationSet {
  readonly table: ClipTable;
  /** Index of each recording's class, and its rows in the table. */
  readonly recordings: readonly { readonly truth: number; readonly from: number; readonly to: number }[];
  /** Classes to learn, then those that only validation recordings have. */
  readonly labels: readonly Label[];
  readonly classes: number;
}

/** Every validation recording counts, also those of classes that are not learned: they are wrong. */
export function makeValidationSet(
  recordings: readonly Recording[],
  options: {
    /** Index of the first of `recordings` in the shard set. */
    readonly firstIndex: number;
    readonly sampleRateHz: number;
    readonly labels: readonly Label[];
    readonly clips: ClipsConfig;
  },
): ValidationSet {
  const table = clipTable(recordings, options.sampleRateHz, options.clips, { atLeastOne: true });
  const unknown = [...new Set(recordings.map(({ label }) => label))].filter((label) => !options.labels.includes(label));
  const labels = [...options.labels, ...unknown.sort()];
  const spans = recordings.map(({ label }) => ({ truth: labels.indexOf(label), from: 0, to: 0 }));
  // Rows of a recording are neighbours, in the order of the recordings.
  table.recording.forEach((index, row) => {
    const span = spans[index] as (typeof spans)[number];
    if (span.to === 0) span.from = row;
    span.to = row + 1;
  });
  return {
    table: { ...table, recording: table.recording.map((index) => index + options.firstIndex) },
    recordings: spans.filter(({ to }) => to > 0),
    labels,
    classes: options.labels.length,
  };
}

export interface Validation {
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly balancedAccuracy: number | null;
  /** What the checkpoint of this moment predicts with. */
  readonly aggregation: Aggregation;
  readonly temperature: number;
}

/**
 * Scores the validation recordings with the weights of the moment. The figures are those of the chosen aggregation, of
 * the mean where it is chosen by validation, so that epochs can be compared; they are before calibration.
 *
 * @throws `signal.reason` when aborted
 */
export async function validate(
  trainer: Trainer,
  set: ValidationSet,
  evaluation: Pick<EvaluationConfig, 'aggregation' | 'batchSize'>,
  signal?: AbortSignal,
): Promise<Validation> {
  const recordings = set.recordings.length === 0 ? [] : await clipLogits(trainer, set, evaluation.batchSize, signal);
  const { aggregation, temperature } = calibrate(recordings, set.classes, evaluation.aggregation);
  const curve = evaluation.aggregation === 'auto' ? 'mean' : evaluation.aggregation;
  const items = scoreRecordings(recordings, set.classes, curve, 1);
  const result = items.length === 0 ? null : figures(items, set.labels);
  return {
    loss: negativeLogLikelihood(items),
    accuracy: result?.accuracy ?? null,
    balancedAccuracy: result?.balancedAccuracy ?? null,
    aggregation,
    temperature,
  };
}

async function clipLogits(
  trainer: Trainer,
  set: ValidationSet,
  batchSize: number,
  signal: AbortSignal | undefined,
): Promise<ClipLogits[]> {
  const { logits, activity } = await trainer.evaluate(set.table, batchSize, signal ? { signal } : {});
  return set.recordings.map(({ truth, from, to }) => ({
    truth,
    logits: logits.subarray(from * set.classes, to * set.classes),
    activity: activity.subarray(from, to),
  }));
}
