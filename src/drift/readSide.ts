/** What is compared: the rows behind a name, whatever kind of thing it names. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import { ShardSet } from '../../bindings/index.ts';
import { decodeLimits } from '../audio/limits.ts';
import type { Checkpoint } from '../checkpoint/Checkpoint.ts';
import { readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import type { Config } from '../config/schema.ts';
import { Dataset } from '../data/dataset.ts';
import type { FailedPrediction, JobOptions, Recording, Side, Split } from '../domain.ts';
import { predictRecordings } from '../evaluation/predictRecordings.ts';
import { explained } from '../files.ts';
import { checkOptions } from '../options.ts';
import { Classifier } from '../prediction/Classifier.ts';
import { collectRecordings } from '../prediction/collectRecordings.ts';
import { findCheckpoint } from '../prediction/findCheckpoint.ts';
import { readDriftCsv } from './csvRows.ts';
import { type DriftRow, DriftRows } from './DriftRows.ts';
import { EmbeddingFile } from './EmbeddingFile.ts';
import { checkpointReference, type DriftReference, predictionRow } from './modelRows.ts';
import { driftFeatures, recordingRows } from './recordingRows.ts';

/**
 * Rows of one side of a comparison, with what reading them gave. Dispose of it (`using`) where it is used up: embeddings of
 * many recordings are in a temporary file, which is open until then.
 */
export interface DriftSide extends DriftReference, Disposable {
  /** What was taken for granted in reading them. */
  readonly notes: readonly string[];
  /** Recordings that could not be read. */
  readonly failed: readonly FailedPrediction[];
  /** The checkpoint that the rows are of; null where they are of something else. */
  readonly checkpoint: Checkpoint | null;
}

/** How {@link readSide} reads recordings. */
export interface ReadSideOptions extends JobOptions {
  /** Which files are recordings, the limits of decoding, the split of `DATASET:SIDE`, and clips and features where there is no `model`. */
  readonly config: Pick<Config, 'data' | 'split' | 'clips' | 'features'>;
  /** Predicts the recordings, so that rows have predictions, confidence and embeddings. Default none: only features, by `config`. */
  readonly model?: Checkpoint | null;
}

/**
 * Rows of a checkpoint or run folder, a CSV file, `DATASET:SIDE`, `DATASET:SIDE:SPLIT` or recordings.
 *
 * @throws AutobirdError `no_reference` for a checkpoint that keeps no rows; what the kinds throw
 */
export async function readSide(name: string, options: ReadSideOptions): Promise<DriftSide> {
  checkOptions<ReadSideOptions>('readSide', options, { config: 1, model: 1, signal: 1, onProgress: 1 });
  const [, dataset, side, split] = /^([\w][\w.-]*):(train|val|test)(?::([\w][\w.-]*))?$/.exec(name) ?? [];
  if (dataset !== undefined) return await datasetSide(dataset, side as Side, split, options);
  if (/\.(?:csv|tsv|txt)$/i.test(name)) return sideOf(await readDriftCsv(name));
  if (await isCheckpoint(name)) return checkpointSide(await readCheckpoint(await findCheckpoint(name)));
  return await folderSide(name, options);
}

function sideOf(side: Pick<DriftSide, 'rows'> & Partial<Omit<DriftSide, 'rows'>>): DriftSide {
  const nothing = { heldOut: new DriftRows(), notes: [], failed: [], checkpoint: null };
  return { ...nothing, [Symbol.dispose]: () => side.rows[Symbol.dispose](), ...side };
}

/** Rows of predictions: `fill` adds them. */
async function rowsOfPredictions(fill: (add: (row: DriftRow) => Promise<void>) => Promise<void>): Promise<DriftRows> {
  const rows = new DriftRows(new EmbeddingFile());
  const file = join(tmpdir(), 'embeddings');
  try {
    await fill((row) => explained(file, async () => rows.push(row)));
    return rows;
  } catch (error) {
    rows[Symbol.dispose]();
    throw error;
  }
}

/** A checkpoint file, or a folder with one in it where a run has it. */
async function isCheckpoint(path: string): Promise<boolean> {
  if (/\.safetensors$/i.test(path)) return true;
  const candidates = [join(path, 'run.json'), join(path, 'checkpoints'), join(path, 'best.safetensors')];
  const found = await Promise.all(candidates.map((candidate) => stat(candidate).catch(() => null)));
  return found.some((one) => one !== null);
}

function checkpointSide(checkpoint: Checkpoint): DriftSide {
  const reference = checkpointReference(checkpoint);
  if (reference === null) {
    throw new AutobirdError(
      'no_reference',
      `${checkpoint.path} keeps no recordings to compare with (last.safetensors, folds of a cross-validation and older checkpoints do not): compare with DATASET:train, or train again`,
    );
  }
  return sideOf({ ...reference, checkpoint });
}

async function folderSide(
  name: string,
  { config, model = null, signal, onProgress }: ReadSideOptions,
): Promise<DriftSide> {
  const found = await collectRecordings([name], config.data.extensions);
  const { paths } = found;
  const limits = decodeLimits(config.data);
  const failed: FailedPrediction[] = [...found.failed];
  if (model === null) {
    const rows = new DriftRows();
    const { lengthS, hopS, padLast } = config.clips;
    const clips = { lengthS, hopS, padLast };
    const options = {
      features: config.features,
      clips,
      limits,
      channel: config.data.channel,
      signal,
      onProgress,
    };
    for await (const row of recordingRows(paths, options)) {
      if ('error' in row) failed.push(row);
      else rows.push(row);
    }
    return sideOf({ rows, failed });
  }
  using classifier = await Classifier.open(model, { limits: { ...limits, maxFileBytes: config.data.maxFileBytes } });
  const rows = await rowsOfPredictions(async (add) => {
    let done = 0;
    for await (const prediction of classifier.predictFiles(paths, {
      embedding: true,
      driftFeatures: true,
      signal,
    })) {
      if ('error' in prediction) failed.push(prediction);
      else await add(predictionRow(prediction));
      onProgress?.({ stage: 'features', done: ++done, total: paths.length, message: prediction.recording });
    }
  });
  return sideOf({ rows, failed });
}

/** The label is the target. With a model the files are predicted; without one the shards are read, and nothing is decoded again. */
async function datasetSide(
  name: string,
  side: Side,
  splitName: string | undefined,
  options: ReadSideOptions,
): Promise<DriftSide> {
  const { config, model = null, signal, onProgress } = options;
  const dataset = await Dataset.open(join(config.data.root, name));
  const split = await splitOf(dataset, splitName, options);
  const recordings = dataset.onSide(split, side);
  if (model === null) return sideOf({ rows: await shardRows(dataset, recordings, options) });
  const failed: FailedPrediction[] = [];
  const predicted = predictRecordings(model, dataset, recordings, {
    stage: 'features',
    embedding: true,
    driftFeatures: true,
    signal,
    onProgress,
  });
  const rows = await rowsOfPredictions(async (add) => {
    for await (const { recording, prediction } of predicted) {
      if ('error' in prediction) failed.push(prediction);
      else await add(predictionRow(prediction, recording.label));
    }
  });
  return sideOf({ rows, failed });
}

/**
 * The split that is named; else the one that the model was trained on; else the only one there is, or that of the
 * configuration where there is none yet.
 */
async function splitOf(
  dataset: Dataset,
  name: string | undefined,
  { config, model = null }: ReadSideOptions,
): Promise<Split> {
  if (name !== undefined) return await dataset.split(name);
  const trained = model?.metadata.dataset;
  if (trained !== undefined && trained.name === dataset.manifest.name) return await dataset.split(trained.split);
  const all = await dataset.currentSplits();
  // Folds of a cross-validation are splits too, and nobody means one of them without naming it.
  const notFolds = all.filter(({ options }) => (options['fold'] ?? null) === null);
  const splits = notFolds.length > 0 ? notFolds : all;
  if (splits.length > 1) {
    const { name: set } = dataset.manifest;
    throw new AutobirdError(
      'several_splits',
      `${set} has ${splits.length} splits, ${splits.map((split) => split.name).join(' and ')}: say which, as ${set}:train:${splits[0]?.name}`,
    );
  }
  return splits[0] ?? (await dataset.makeSplit(config.split));
}

/** What is read of a shard at once. */
const stretchS = 60;

async function shardRows(
  dataset: Dataset,
  recordings: readonly Recording[],
  { config, signal, onProgress }: ReadSideOptions,
): Promise<DriftRows> {
  const features = { ...config.features, sampleRateHz: dataset.manifest.sampleRateHz };
  using shards = await ShardSet.open(await dataset.shardEntries(recordings), features);
  const rows = new DriftRows();
  const stretch = stretchS * features.sampleRateHz;
  for (const [i, { path, label, recordedAt, sampleCount }] of recordings.entries()) {
    signal?.throwIfAborted();
    async function* samples() {
      for (let start = 0; start < sampleCount; start += stretch) {
        yield await shards.readPcm(i, start, Math.min(stretch, sampleCount - start));
      }
    }
    const values = await driftFeatures(samples(), { features, clips: config.clips, signal });
    rows.push({ recording: path, values: { ...values, target: label }, at: recordedAt });
    onProgress?.({ stage: 'features', done: i + 1, total: recordings.length, message: path });
  }
  return rows;
}
