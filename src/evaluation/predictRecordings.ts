/** What a model predicts of a dataset's recordings, from the files they were prepared from or from the shards of the dataset. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ShardSet } from '../../bindings/index.ts';
import type { DecodeLimits } from '../../bindings/native.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import { concurrently } from '../concurrently.ts';
import type { EvaluationConfig } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { hashFile } from '../data/hashFile.ts';
import type { FailedPrediction, JobOptions, Recording } from '../domain.ts';
import { isMissingFile } from '../files.ts';
import { Classifier } from '../prediction/Classifier.ts';
import type { ClassifierOptions, DecodedRecording, RecordingPrediction } from '../prediction/options.ts';

export interface PredictRecordingsOptions extends Pick<JobOptions, 'signal' | 'onProgress'> {
  /** Of the progress. */
  readonly stage: string;
  /** Default `originals`. */
  readonly audio?: EvaluationConfig['audio'];
  /** As `Classifier.open` takes them. */
  readonly runtime?: Pick<ClassifierOptions, 'device' | 'precision' | 'threads'>;
  /** Also give embeddings. Default false. */
  readonly embedding?: boolean;
  /** Also give what drift detection keeps. Default false. */
  readonly driftFeatures?: boolean;
}

export interface PredictedRecording {
  readonly recording: Recording;
  readonly prediction: RecordingPrediction | FailedPrediction;
  /** Whether it was read from the dataset's shard, not from its original file. */
  readonly fromShard: boolean;
}

/** Samples of a crossing: a shard of any length is read in bounded memory. */
const blockSamples = 1 << 18;

/**
 * A prediction for each recording, in their order, one at a time. An original file that cannot be read, or is not the one
 * that was prepared (`changed`), is a failure in its place; for one that is not there its shard is read.
 */
export async function* predictRecordings(
  checkpoint: Checkpoint,
  dataset: Dataset,
  recordings: readonly Recording[],
  options: PredictRecordingsOptions,
): AsyncGenerator<PredictedRecording, void> {
  const { signal, onProgress, stage, runtime, embedding = false, driftFeatures = false, audio = 'originals' } = options;
  using classifier = await Classifier.open(checkpoint, { ...runtime, limits: limitsOf(recordings) });
  const total = recordings.length;
  onProgress?.({ stage, done: 0, total, message: 'Looking for files that have changed' });
  const states =
    audio === 'shards' ? recordings.map(() => 'missing' as const) : await stateOfOriginals(dataset, recordings, signal);
  const withoutOriginal = recordings.filter((_, i) => states[i] === 'missing');
  using shards = await ShardSet.open(await dataset.shardEntries(withoutOriginal), {
    ...checkpoint.metadata.features,
    ...{ sampleRateHz: dataset.manifest.sampleRateHz, fMinHz: 0, fMaxHz: dataset.manifest.sampleRateHz / 2 },
  });
  let shard = 0;
  const sources = recordings.flatMap((recording, i): (string | DecodedRecording)[] => {
    if (states[i] === 'changed') return [];
    if (states[i] === 'same') return [join(dataset.manifest.rawDir, recording.path)];
    return [decodedRecording(recording, dataset.manifest.sampleRateHz, shards, shard++)];
  });
  const predictions = classifier.predictFiles(sources, { embedding, driftFeatures, signal });
  try {
    for (const [i, recording] of recordings.entries()) {
      const fromShard = states[i] === 'missing';
      const prediction =
        states[i] === 'changed'
          ? changedFailure
          : ((await predictions.next()).value as RecordingPrediction | FailedPrediction);
      yield { recording, prediction: named(prediction, recording, dataset), fromShard };
      onProgress?.({ stage, done: i + 1, total });
    }
  } finally {
    await predictions.return();
  }
}

function decodedRecording(
  { path, recordedAt, durationS, sampleCount }: Recording,
  sampleRateHz: number,
  shards: ShardSet,
  index: number,
): DecodedRecording {
  return {
    name: path,
    sampleRateHz,
    durationS,
    recordedAt,
    async *blocks() {
      for (let at = 0; at < sampleCount; at += blockSamples) {
        yield await shards.readPcm(index, at, Math.min(blockSamples, sampleCount - at));
      }
    },
  };
}

/** What prepare accepted is predicted, whatever is allowed today: that the files are the same ones is checked. */
function limitsOf(recordings: readonly Recording[]): DecodeLimits {
  const largestOf = (value: (recording: Recording) => number) =>
    recordings.reduce((largest, recording) => Math.max(largest, value(recording)), 1);
  return {
    maxChannels: largestOf(({ channels }) => channels),
    maxSampleRateHz: largestOf(({ sampleRateHz }) => sampleRateHz),
    // Another decoder may find a few samples more.
    maxDurationS: largestOf(({ durationS }) => durationS) + 1,
  };
}

/** By the hashes of their bytes. A file that is there but cannot be read gets its reason from the decoder. */
function stateOfOriginals(
  { manifest }: Dataset,
  recordings: readonly Recording[],
  signal: AbortSignal | undefined,
): Promise<('same' | 'changed' | 'missing')[]> {
  return concurrently(recordings, availableParallelism(), signal, async ({ path, contentHash }, stop) => {
    try {
      return (await hashFile(join(manifest.rawDir, path), stop)) === contentHash ? 'same' : 'changed';
    } catch (error) {
      if (isMissingFile(error)) return 'missing';
      signal?.throwIfAborted();
      return 'same';
    }
  });
}

const changedFailure: FailedPrediction = {
  recording: '',
  error: {
    code: 'changed',
    message: 'The file has changed since it was prepared, so its label may be wrong: run autobird prepare again',
  },
};

/** By its path in the dataset: reports are passed on, and the folder of recordings is private. */
function named<T extends RecordingPrediction | FailedPrediction>(
  prediction: T,
  { path }: Recording,
  { manifest }: Dataset,
): T {
  if (!('error' in prediction)) return { ...prediction, recording: path };
  const { code, message } = prediction.error;
  return {
    ...prediction,
    recording: path,
    error: { code, message: message.replaceAll(join(manifest.rawDir, path), path) },
  };
}
