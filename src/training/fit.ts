import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ShardSet, Trainer } from '../../bindings/index.ts';
import type { NormalisationStatistics } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import { type Checkpoint, readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../checkpoint/writeCheckpoint.ts';
import { optimizerOptions } from '../config/registry.ts';
import type { Config } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import type { JobOptions, Split } from '../domain.ts';
import { chooseRuntime } from '../prediction/chooseRuntime.ts';
import { bestRecord } from '../run/bestRecord.ts';
import type { Run } from '../run/Run.ts';
import { checkpointMetadata } from './checkpointContent.ts';
import { allListeners, type TrainingListener } from './TrainingListener.ts';
import { type EpochOptions, type TrainTotals, trainEpoch } from './trainEpoch.ts';
import { makeTrainingSet, type TrainingSet } from './trainingSet.ts';
import { makeValidationSet, type Validation, validate } from './validation.ts';

export interface FitOptions extends JobOptions {
  readonly config: Config;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly run: Run;
  readonly listeners: readonly TrainingListener[];
}

/** Trains from where the run's `last` checkpoint is until `best` and `last` are final. Finished runs return at once. */
export async function fit(options: FitOptions): Promise<void> {
  const { config, dataset, split, run, signal } = options;
  const listeners = allListeners(options.listeners);
  const restored = await readLast(run);
  if (restored?.metadata.progress.finished) {
    // A kill right after `last` was written may have cost a listener its last line.
    await listeners.restored(restored.metadata.progress.history);
    return;
  }

  const training = dataset.onSide(split, 'train');
  const validation = dataset.onSide(split, 'val');
  const { device, precision, threads } = chooseRuntime(
    config.training.device,
    config.training.precision,
    config.training.threads,
  );
  // On the CPU the network's threads and these share the cores; a GPU leaves all of them to features.
  const loaderThreads = config.training.loaderThreads ?? (device === 'cuda' ? availableParallelism() : 1);
  const { sampleRateHz } = config.features;
  using shards = await ShardSet.open(await dataset.shardEntries([...training, ...validation]), config.features);
  const trainingSet = await makeTrainingSet({
    ...options,
    recordings: training,
    shards,
    sampleRateHz,
    labels: dataset.manifest.labels,
    noEventLabels: dataset.manifest.noEventLabels,
    clips: config.clips,
    augment: config.augment,
    training: config.training,
    threads,
  });
  const { labels, sampler, length, clipSamples } = trainingSet;
  const validationSet = makeValidationSet(validation, {
    firstIndex: training.length,
    sampleRateHz,
    labels,
    clips: config.clips,
  });
  // Bit for bit those the weights were trained with, whatever a new computation would round to.
  const statistics = restored?.statistics ?? trainingSet.statistics;
  using trainer = await Trainer.create(
    {
      model: config.model,
      features: config.features,
      classes: labels.length,
      statistics,
      optimizer: optimizerOptions(config.optimizer),
      gradClip: config.training.gradClip,
      emaDecay: config.training.emaDecay,
      seed: config.training.seed,
      device,
      precision,
      threads,
      loaderThreads,
    },
    shards,
  );
  const history: EpochRecord[] = [...(restored?.metadata.progress.history ?? [])];
  if (restored) await trainer.importState(restored.tensors);
  await listeners.restored(history);
  await listeners.started({
    labels,
    recordings: { train: training.length, val: validation.length },
    length,
    ...{ device, precision, threads, loaderThreads },
    notes: trainingSet.notes,
  });

  const plan = {
    augment: config.augment,
    training: config.training,
    classes: labels.length,
    clipSamples,
    bands: config.features.nMels,
    frames: 1 + Math.floor(clipSamples / config.features.hopSamples),
  };
  const { optimizer, scheduler } = config;
  const { epochs, validateEvery } = length;
  const epochOptions = { trainer, sampler, plan, optimizer, scheduler, length, signal };
  let totals = emptyTotals();
  for (let epoch = history.at(-1)?.epoch ?? 0; epoch < epochs && !hasStalled(history, config); epoch++) {
    const onStep: EpochOptions['onStep'] = (step, result, rate) => {
      listeners.stepped({ ...result, epoch, step: epoch * length.stepsPerEpoch + step + 1, learningRate: rate });
    };
    const learningRate = await trainEpoch(epoch, totals, { ...epochOptions, onStep });
    const done = epoch + 1;
    if (done % validateEvery !== 0 && done < epochs) continue;
    const validation = await validate(trainer, validationSet, config.evaluation, signal);
    const step = Math.min(length.steps, done * length.stepsPerEpoch);
    history.push(epochRecord({ epoch: done, step, learningRate, totals, validation }));
    totals = emptyTotals();
    const finished = done === epochs || hasStalled(history, config);
    const isBest = await save({ ...options, trainer, trainingSet, validation, history, statistics, finished });
    await listeners.saved(history.at(-1) as EpochRecord, isBest);
    signal?.throwIfAborted();
  }
  const best = bestRecord(history, config.training.metric) as EpochRecord;
  await listeners.ended({ history, best, length });
}

interface Moment extends FitOptions {
  readonly trainer: Trainer;
  readonly trainingSet: TrainingSet;
  readonly statistics: NormalisationStatistics;
  readonly validation: Validation;
  /** Up to this moment. */
  readonly history: readonly EpochRecord[];
  readonly finished: boolean;
}

/**
 * Keeps what was reached; true where it is the best so far. `best` goes first and the metrics last (`metricsFile`), so that
 * a kill in between leaves a `last` from which the same epoch is trained and judged again.
 */
async function save(moment: Moment): Promise<boolean> {
  const { config, run, trainer, history, statistics } = moment;
  const record = history.at(-1) as EpochRecord;
  const best = bestRecord(history, config.training.metric) as EpochRecord;
  const metadata = checkpointMetadata({ ...moment, best });
  const tensors = await trainer.exportState(true);
  if (best === record) {
    const model = tensors.filter(({ name }) => name.startsWith('model.'));
    await writeCheckpoint(run.bestCheckpoint, { tensors: model, statistics, metadata });
  }
  await writeCheckpoint(run.lastCheckpoint, { tensors, statistics, metadata });
  return best === record;
}

function epochRecord(epoch: {
  readonly epoch: number;
  readonly step: number;
  readonly learningRate: number;
  readonly totals: TrainTotals;
  readonly validation: Validation;
}): EpochRecord {
  const { totals, validation } = epoch;
  return {
    epoch: epoch.epoch,
    step: epoch.step,
    learningRate: epoch.learningRate,
    trainLoss: totals.loss / Math.max(1, totals.rows),
    trainAccuracy: totals.correct / Math.max(1, totals.rows),
    valLoss: validation.loss,
    valAccuracy: validation.accuracy,
    valBalancedAccuracy: validation.balancedAccuracy,
    samplesPerS: totals.rows / totals.durationS,
    durationS: totals.durationS,
  };
}

function emptyTotals(): TrainTotals {
  return { rows: 0, loss: 0, correct: 0, durationS: 0 };
}

/** Early stopping; without validation recordings there is nothing to stop by. */
function hasStalled(history: readonly EpochRecord[], { training }: Pick<Config, 'training'>): boolean {
  const last = history.at(-1);
  const best = bestRecord(history, training.metric);
  if (training.patience === null || !last || !best) return false;
  return last.epoch - best.epoch >= training.patience;
}

/** The run's `last` checkpoint; null before the first. */
async function readLast(run: Run): Promise<Checkpoint | null> {
  const path = run.lastCheckpoint;
  return (await stat(path).catch(() => null)) === null ? null : readCheckpoint(path);
}
