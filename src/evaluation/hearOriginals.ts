/** What a model says of a dataset's recordings, from the files they were prepared from. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DecodeLimits } from '../../bindings/native.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import { concurrently } from '../concurrently.ts';
import { hashFile } from '../data/hashFile.ts';
import type { FailedPrediction, JobOptions, Recording } from '../domain.ts';
import { Classifier } from '../prediction/Classifier.ts';
import type { ClassifierOptions, HeardPrediction } from '../prediction/options.ts';

export interface HearOptions extends Pick<JobOptions, 'signal' | 'onProgress'> {
  /** Of the progress. */
  readonly stage: string;
  /** As `Classifier.open` takes them. */
  readonly runtime?: Pick<ClassifierOptions, 'device' | 'precision' | 'threads'>;
  /** Also give embeddings. Default false. */
  readonly embedding?: boolean;
}

/**
 * An answer for each recording, in their order. A file that cannot be read, or is not the one that was prepared (`changed`),
 * is a failure in its place.
 */
export async function hearOriginals(
  checkpoint: Checkpoint,
  recordings: readonly Recording[],
  rawDir: string,
  options: HearOptions,
): Promise<(HeardPrediction | FailedPrediction)[]> {
  const { signal, onProgress, stage, runtime, embedding = false } = options;
  using classifier = await Classifier.open(checkpoint, { ...runtime, limits: limitsOf(recordings) });
  const total = recordings.length;
  onProgress?.({ stage, done: 0, total, message: 'Looking for files that have changed' });
  const answers: (HeardPrediction | FailedPrediction | null)[] = await changedFiles(recordings, rawDir, signal);
  const places = recordings.map((_, i) => i).filter((i) => answers[i] === null);
  const paths = places.map((i) => join(rawDir, (recordings[i] as Recording).path));
  let done = total - places.length;
  let next = 0;
  for await (const answer of classifier.predictFiles(paths, { embedding, ...(signal && { signal }) })) {
    answers[places[next++] as number] = answer;
    onProgress?.({ stage, done: ++done, total });
  }
  return answers as (HeardPrediction | FailedPrediction)[];
}

/** What prepare accepted is listened to, whatever is allowed today: that the files are the same ones is checked. */
function limitsOf(recordings: readonly Recording[]): DecodeLimits {
  const most = (value: (recording: Recording) => number) =>
    recordings.reduce((largest, recording) => Math.max(largest, value(recording)), 1);
  return {
    maxChannels: most(({ channels }) => channels),
    maxSampleRateHz: most(({ sampleRateHz }) => sampleRateHz),
    // Another decoder may find a few samples more.
    maxDurationS: most(({ durationS }) => durationS) + 1,
  };
}

/** A failure for each file that is not the one that was prepared, null for the others. */
function changedFiles(
  recordings: readonly Recording[],
  rawDir: string,
  signal: AbortSignal | undefined,
): Promise<(FailedPrediction | null)[]> {
  return concurrently(recordings, availableParallelism(), signal, async ({ path, contentHash }, stop) => {
    // A file that cannot be read gets its reason from whoever decodes it.
    const hash = await hashFile(join(rawDir, path), stop).catch(() => contentHash);
    if (hash === contentHash) return null;
    const message = 'The file has changed since it was prepared, so its label may be wrong: run autobird prepare again';
    return { recording: path, error: { code: 'changed', message } };
  });
}
