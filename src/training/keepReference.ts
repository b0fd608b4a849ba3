import { readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import type { ReferenceRow } from '../checkpoint/reference.ts';
import { writeCheckpoint } from '../checkpoint/writeCheckpoint.ts';
import type { Config } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import type { FailedPrediction, JobOptions, Label, Recording, Split } from '../domain.ts';
import { hearOriginals } from '../evaluation/hearOriginals.ts';
import type { HeardPrediction } from '../prediction/options.ts';
import { randomFor } from '../random.ts';
import type { Run } from '../run/Run.ts';
import { indexOfLargest } from '../scoring/aggregate.ts';

/** Rows of each side: more would not make a difference clearer, but larger files. */
const mostRows = 1000;
/** Heard of each side at most, beyond the first 50: long recordings must not make the end of a training long. */
const mostAudioS = 10 * 3600;
const leastRows = 50;

export interface KeepReferenceOptions extends JobOptions {
  readonly config: Pick<Config, 'training'>;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly run: Run;
  readonly note: (line: string) => Promise<void>;
}

/**
 * Adds to the run's best checkpoint how its model hears the recordings it was trained and validated with, drawn by
 * `training.seed` where there are many: what drift is measured from. They are heard as anything later will be, from their
 * files. A checkpoint that has them is left as it is.
 */
export async function keepReference(options: KeepReferenceOptions): Promise<void> {
  const { config, dataset, split, run, note, signal, onProgress } = options;
  const checkpoint = await readCheckpoint(run.bestCheckpoint);
  if (checkpoint.reference !== null) return;
  const { labels } = checkpoint.metadata;
  const { seed, device, threads } = config.training;
  const learned = dataset.onSide(split, 'train').filter(({ label }) => labels.includes(label));
  const training = drawn(learned, seed, 'train');
  const held = drawn(dataset.onSide(split, 'val'), seed, 'val');
  const recordings = [...training, ...held];
  const answers = await hearOriginals(checkpoint, recordings, dataset.manifest.rawDir, {
    stage: 'reference',
    runtime: { device, ...(threads === null ? {} : { threads }) },
    embedding: true,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  });
  const rows = answers.flatMap((answer, i) => {
    const { label } = recordings[i] as Recording;
    return 'error' in answer ? [] : [referenceRow(answer, labels.includes(label) ? label : null, i >= training.length)];
  });
  const failed = answers.find((answer): answer is FailedPrediction => 'error' in answer);
  if (failed !== undefined) {
    const { recording, error } = failed;
    await note(
      `Drift reference: ${recordings.length - rows.length} of ${recordings.length} recordings could not be heard (${recording}: ${error.message})`,
    );
  }
  if (rows.length === 0) return;
  const { tensors, statistics, metadata } = checkpoint;
  await writeCheckpoint(run.bestCheckpoint, { tensors, statistics, metadata, reference: rows });
}

function referenceRow(answer: HeardPrediction, target: Label | null, heldOut: boolean): ReferenceRow {
  const { driftFeatures, labels, scores, embedding } = answer;
  const best = indexOfLargest(scores);
  return {
    heldOut,
    driftFeatures,
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
    if (chosen.size >= mostRows || (audioS > mostAudioS && chosen.size >= leastRows)) break;
    chosen.add(recording);
  }
  return recordings.filter((recording) => chosen.has(recording));
}
