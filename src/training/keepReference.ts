import { readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import type { ReferenceRow } from '../checkpoint/reference.ts';
import { writeCheckpoint } from '../checkpoint/writeCheckpoint.ts';
import type { Config } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import type { DriftFeatures, FailedPrediction, JobOptions, Label, Recording, Split } from '../domain.ts';
import { predictRecordings } from '../evaluation/predictRecordings.ts';
import type { RecordingPrediction } from '../prediction/options.ts';
import { randomFor } from '../random.ts';
import type { Run } from '../run/Run.ts';
import { indexOfLargest } from '../vectors.ts';

/** Rows of each side: more would not make a difference clearer, but larger files. */
const maxRows = 1000;
/** Predicted of each side at most, beyond the first 50: long recordings must not make the end of a training long. */
const maxAudioS = 10 * 3600;
const minRows = 50;

export interface KeepReferenceOptions extends JobOptions {
  readonly config: Pick<Config, 'training'>;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly run: Run;
  readonly note: (line: string) => Promise<void>;
}

/**
 * Adds to the run's best checkpoint what its model predicts of the recordings it was trained and validated with, drawn by
 * `training.seed` where there are many: what drift is measured from. They are predicted as anything later will be, from the
 * dataset's shards, so that nothing is decoded again and no original file is needed. A checkpoint that has them is left as
 * it is.
 */
export async function keepReference(options: KeepReferenceOptions): Promise<void> {
  const { config, dataset, split, run, note, signal, onProgress } = options;
  const checkpoint = await readCheckpoint(run.bestCheckpoint);
  if (checkpoint.reference !== null) return;
  const { labels } = checkpoint.metadata;
  const { seed, device, threads } = config.training;
  const learned = dataset.onSide(split, 'train').filter(({ label }) => labels.includes(label));
  const training = drawn(learned, seed, 'train');
  const validation = drawn(dataset.onSide(split, 'val'), seed, 'val');
  const rows: ReferenceRow[] = [];
  const failed: FailedPrediction[] = [];
  const predicted = predictRecordings(checkpoint, dataset, [...training, ...validation], {
    stage: 'reference',
    audio: 'shards',
    runtime: { device, threads: threads ?? undefined },
    embedding: true,
    driftFeatures: true,
    signal,
    onProgress,
  });
  const heldOut = new Set(validation);
  for await (const { recording, prediction } of predicted) {
    if ('error' in prediction) failed.push(prediction);
    else {
      const target = labels.includes(recording.label) ? recording.label : null;
      rows.push(referenceRow(prediction, target, heldOut.has(recording)));
    }
  }
  if (failed[0] !== undefined) {
    const { recording, error } = failed[0];
    await note(
      `Drift reference: ${failed.length} of ${rows.length + failed.length} recordings could not be predicted (${recording}: ${error.message})`,
    );
  }
  if (rows.length === 0) return;
  const { tensors, statistics, metadata } = checkpoint;
  await writeCheckpoint(run.bestCheckpoint, { tensors, statistics, metadata, reference: rows });
}

function referenceRow(prediction: RecordingPrediction, target: Label | null, heldOut: boolean): ReferenceRow {
  const { driftFeatures, labels, scores, embedding } = prediction;
  const best = indexOfLargest(scores);
  return {
    heldOut,
    driftFeatures: driftFeatures as DriftFeatures,
    target,
    prediction: labels[best] as Label,
    confidence: scores[best] as number,
    embedding: embedding as Float32Array,
  };
}

/** In the order of the dataset. */
function drawn(recordings: readonly Recording[], seed: number, side: string): Recording[] {
  const chosen = new Set<Recording>();
  let audioS = 0;
  for (const i of randomFor(seed, `drift reference ${side}`).permutation(recordings.length)) {
    const recording = recordings[i] as Recording;
    audioS += recording.durationS;
    if (chosen.size >= maxRows || (audioS > maxAudioS && chosen.size >= minRows)) break;
    chosen.add(recording);
  }
  return recordings.filter((recording) => chosen.has(recording));
}
