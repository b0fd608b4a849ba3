import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import type { Device, Precision } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import { type Checkpoint, readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import type { EvaluationConfig } from '../config/schema.ts';
import { Dataset } from '../data/dataset.ts';
import type { FailedPrediction, JobOptions, Prediction, Recording, Side, Split } from '../domain.ts';
import { findCheckpoint } from '../prediction/findCheckpoint.ts';
import type { TrainedOn } from '../reports/describeReport.ts';
import type { RecordingResult, Report } from '../reports/report.ts';
import { writeReport } from '../reports/writeReport.ts';
import { Run } from '../run/Run.ts';
import { aggregateClips, clipProbabilities } from '../scoring/aggregate.ts';
import {
  expectedCalibrationError,
  figures,
  negativeLogLikelihood,
  reliability,
  type ScoredItem,
} from '../scoring/metrics.ts';
import { hearOriginals } from './hearOriginals.ts';
import { withoutTrainedOn } from './trainedOn.ts';

export interface EvaluateOptions extends JobOptions {
  /** A checkpoint file, a run folder for its best one, or a checkpoint that was read already. */
  readonly checkpoint: Checkpoint | string;
  /** A dataset or its folder. The original recordings in its `rawDir` are what is listened to. */
  readonly dataset: Dataset | string;
  /** A split or its name. */
  readonly split: Split | string;
  /** Which recordings; default `test`. */
  readonly side?: Side;
  /** Default: those the checkpoint was trained with. */
  readonly evaluation?: Pick<EvaluationConfig, 'calibrationBins' | 'mistakes'>;
  /** Folder for `report.json`, `report.html`, `confusion.csv` and `model_card.md`; nothing is written without one. */
  readonly outputDir?: string;
  /** Default `cpu`. */
  readonly device?: Device | 'auto';
  /** Default `f32`. */
  readonly precision?: Precision | 'auto';
  /** Threads of the network; default one a core. */
  readonly threads?: number;
}

/**
 * Judges a checkpoint on the recordings of one side of a split. They are decoded from their original files and scored as
 * `predict` does it. Recordings that the model was trained on, or that chose its epoch and temperature, are left out (by
 * their sound, whatever they are called), and the report says how many. Every other one counts: one without an answer is wrong, and so is one of a class that the model
 * does not know, and one whose file has changed since it was prepared (`changed`): its label is that of another sound.
 *
 * @throws what `Classifier.open`, `Dataset.open` and `dataset.split` throw; AutobirdError `no_raw_dir` where the folder of
 *   recordings has gone, `all_trained_on` where nothing is left to judge; a single recording that cannot be read is a row
 */
export async function evaluate(options: EvaluateOptions): Promise<Report> {
  const { checkpoint: given } = options;
  const checkpoint = typeof given === 'string' ? await readCheckpoint(await findCheckpoint(given)) : given;
  const dataset = typeof options.dataset === 'string' ? await Dataset.open(options.dataset) : options.dataset;
  const split = typeof options.split === 'string' ? await dataset.split(options.split) : options.split;
  const side = options.side ?? 'test';
  const { kept: recordings, ...trainedOn } = withoutTrainedOn(
    dataset.onSide(split, side),
    checkpoint.metadata,
    split,
    side,
  );
  if (recordings.length === 0 && (trainedOn.leftOut ?? 0) + (trainedOn.leftOutSelection ?? 0) > 0)
    throw allTrainedOn(side, split);
  const evaluation = options.evaluation ?? evaluationOf(checkpoint);
  await checkRawDir(dataset);
  const { signal, onProgress, device, precision, threads } = options;
  const predictions = await hearOriginals(checkpoint, recordings, dataset.manifest.rawDir, {
    stage: 'evaluate',
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    runtime: {
      ...(device === undefined ? {} : { device }),
      ...(precision === undefined ? {} : { precision }),
      ...(threads === undefined ? {} : { threads }),
    },
  });
  const report = makeReport({
    checkpoint,
    dataset,
    split,
    side,
    trainedOn,
    recordings,
    predictions,
    bins: evaluation.calibrationBins,
  });
  if (options.outputDir !== undefined) {
    const { mistakes } = evaluation;
    await writeReport(options.outputDir, {
      report,
      checkpoint,
      dataset,
      split,
      recordings,
      predictions,
      mistakes,
      history: await historyOf(checkpoint),
    });
  }
  return report;
}

/** The best checkpoint knows the epochs up to its own; its run folder knows those after it. */
async function historyOf({ path, metadata }: Checkpoint): Promise<readonly EpochRecord[]> {
  const known = metadata.progress.history;
  const all = await new Run(dirname(dirname(path))).metrics().catch(() => []);
  const isSameRun = known.every(
    ({ epoch, trainLoss }, i) => all[i]?.epoch === epoch && all[i]?.trainLoss === trainLoss,
  );
  return isSameRun ? all : known;
}

/** A folder that moved would look like a model that knows nothing. */
async function checkRawDir({ manifest, dir }: Dataset): Promise<void> {
  const { rawDir } = manifest;
  if ((await stat(rawDir).catch(() => null))?.isDirectory()) return;
  throw new AutobirdError(
    'no_raw_dir',
    `The recordings of ${dir} are not in ${rawDir} any more, and evaluation listens to them: put them back, or run autobird prepare with the folder where they are now (nothing is decoded again)`,
  );
}

function allTrainedOn(side: Side, { name }: Split): AutobirdError {
  return new AutobirdError(
    'all_trained_on',
    `The model was trained or selected on every ${side} recording of ${name}, so nothing is left to judge it: use another split or other recordings`,
  );
}

type Answer = Prediction | FailedPrediction;

function makeReport(found: {
  readonly checkpoint: Checkpoint;
  readonly dataset: Dataset;
  readonly split: Split;
  readonly side: Side;
  readonly trainedOn: TrainedOn;
  readonly recordings: readonly Recording[];
  readonly predictions: readonly Answer[];
  readonly bins: number;
}): Report {
  const { recordings, predictions, bins, dataset, split, side } = found;
  const { metadata, modelVersion } = found.checkpoint;
  const { labels, noEventLabels, aggregation, calibration, progress, versions } = metadata;
  const unknownLabels = [...new Set(recordings.map(({ label }) => label))].filter((label) => !labels.includes(label));
  const allLabels = [...labels, ...unknownLabels.sort()];
  const truths = recordings.map(({ label }) => allLabels.indexOf(label));
  const items = predictions.map((answer, i): ScoredItem => ({ truth: truths[i] as number, scores: scoresOf(answer) }));
  const clips = predictions.flatMap((answer, i) =>
    'clips' in answer ? answer.clips.map(({ scores }): ScoredItem => ({ truth: truths[i] as number, scores })) : [],
  );
  const uncalibrated = items.map(({ truth }, i): ScoredItem => {
    const answer = predictions[i] as Answer;
    return {
      truth,
      scores: 'clips' in answer ? withoutTemperature(answer, calibration.temperature, aggregation) : null,
    };
  });
  const counts = truths.reduce((sum, truth) => sum.set(truth, (sum.get(truth) ?? 0) + 1), new Map<number, number>());
  return {
    formatVersion: 1,
    createdAt: new Date().toISOString(),
    checkpoint: { modelVersion, epoch: progress.epoch, trainedAt: versions.createdAt },
    dataset: { id: dataset.manifest.id, name: dataset.manifest.name },
    split: split.name,
    side,
    ...found.trainedOn,
    labels,
    unknownLabels,
    noEventLabels,
    largestClassShare: Math.max(0, ...counts.values()) / Math.max(1, items.length),
    recordings: figures(items, allLabels),
    clips: figures(clips, allLabels),
    calibration: {
      aggregation,
      temperature: calibration.temperature,
      before: calibrationSide(uncalibrated, bins),
      after: calibrationSide(items, bins),
    },
    predictions: recordings.map((recording, i) => resultOf(recording, predictions[i] as Answer)),
  };
}

function scoresOf(answer: Answer): Float32Array | null {
  return 'scores' in answer ? answer.scores : null;
}

/** The scores as they would be at temperature 1: calibrated log-probabilities are logits divided by the temperature. */
function withoutTemperature(
  prediction: Prediction,
  temperature: number,
  aggregation: Report['calibration']['aggregation'],
) {
  const classes = prediction.labels.length;
  const logits = new Float32Array(prediction.clips.length * classes);
  prediction.clips.forEach(({ scores }, clip) => {
    logits.set(
      scores.map((score) => temperature * Math.log(Math.max(score, 1e-38))),
      clip * classes,
    );
  });
  const activity = Float32Array.from(prediction.clips, (clip) => clip.activity);
  return aggregateClips(clipProbabilities(logits, classes, 1), activity, classes, aggregation);
}

function calibrationSide(items: readonly ScoredItem[], count: number): Report['calibration']['before'] {
  const bins = reliability(items, count);
  return { expectedCalibrationError: expectedCalibrationError(bins), loss: negativeLogLikelihood(items), bins };
}

function resultOf(recording: Recording, answer: Answer): RecordingResult {
  const { path, label } = recording;
  if ('error' in answer) {
    return { recording: path, label, predicted: null, correct: false, top: [], labelScore: null, error: answer.error };
  }
  const ranked = answer.labels
    .map((name, c) => ({ label: name, score: answer.scores[c] as number }))
    .sort((a, b) => b.score - a.score);
  const predicted = (ranked[0] as (typeof ranked)[number]).label;
  return {
    recording: path,
    label,
    predicted,
    correct: predicted === label,
    top: ranked.slice(0, 3),
    labelScore: ranked.find((entry) => entry.label === label)?.score ?? null,
    error: null,
  };
}

function evaluationOf(checkpoint: Checkpoint): Pick<EvaluationConfig, 'calibrationBins' | 'mistakes'> {
  // Older checkpoints may lack the keys.
  const { evaluation } = checkpoint.metadata.config as { evaluation?: Record<string, number> };
  const { calibration_bins: calibrationBins = 10, mistakes = 24 } = evaluation ?? {};
  return { calibrationBins, mistakes };
}
