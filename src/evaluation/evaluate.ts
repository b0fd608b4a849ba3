import { dirname } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import type { Device, Precision } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import { type Checkpoint, readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import type { EvaluationConfig } from '../config/schema.ts';
import { Dataset } from '../data/dataset.ts';
import type { JobOptions, Side, Split } from '../domain.ts';
import { checkOptions, type OptionNames } from '../options.ts';
import { findCheckpoint } from '../prediction/findCheckpoint.ts';
import type { Report } from '../reports/report.ts';
import { writeReport } from '../reports/writeReport.ts';
import { Run } from '../run/Run.ts';
import { predictRecordings } from './predictRecordings.ts';
import { ReportTally } from './ReportTally.ts';
import { SurestMistakes } from './SurestMistakes.ts';
import { withoutTrainedOn } from './trainedOn.ts';

/** The settings of an evaluation that change nothing of the scores. */
type JudgingConfig = Pick<EvaluationConfig, 'audio' | 'calibrationBins' | 'mistakes'>;

export interface EvaluateOptions extends JobOptions {
  /** A checkpoint file, a run folder for its best one, or a checkpoint that was read already. */
  readonly checkpoint: Checkpoint | string;
  /** A dataset or its folder. The original recordings in its `rawDir` are predicted, where they are there. */
  readonly dataset: Dataset | string;
  /** A split or its name. */
  readonly split: Split | string;
  /** Which recordings; default `test`. */
  readonly side?: Side;
  /** What differs from the settings that the checkpoint was trained with; everything else is that of the checkpoint. */
  readonly evaluation?: { readonly [Key in keyof JudgingConfig]?: JudgingConfig[Key] | undefined } | undefined;
  /** Folder for `report.json`, `report.html`, `confusion.csv` and `model_card.md`; nothing is written without one. */
  readonly outputDir?: string | undefined;
  /** Default `cpu`. */
  readonly device?: Device | 'auto' | undefined;
  /** Default `f32`. */
  readonly precision?: Precision | 'auto' | undefined;
  /** Threads of the network; default one a core. */
  readonly threads?: number | undefined;
}

const optionNames: OptionNames<EvaluateOptions> = {
  checkpoint: 1,
  dataset: 1,
  split: 1,
  side: 1,
  evaluation: 1,
  outputDir: 1,
  device: 1,
  precision: 1,
  threads: 1,
  signal: 1,
  onProgress: 1,
};

/**
 * Judges a checkpoint on the recordings of one side of a split. They are decoded from their original files and scored as
 * `predict` does it; for those whose files are not there the dataset's shards are read, and the report says how many.
 * Recordings that the model was trained on, or that chose its epoch and temperature, are left out (by their sound, whatever
 * they are called), and the report says how many. Every other one counts: one without a prediction is wrong, and so is one of a
 * class that the model does not know, and one whose file has changed since it was prepared (`changed`): its label is that of
 * another sound. Memory does not grow with clips: of a recording only its row of the report is kept.
 *
 * @throws what `Classifier.open`, `Dataset.open` and `dataset.split` throw; AutobirdError `all_trained_on` where nothing is
 *   left to judge; a single recording that cannot be read is a row
 */
export async function evaluate(options: EvaluateOptions): Promise<Report> {
  checkOptions('evaluate', options, optionNames);
  const { evaluation = {} } = options;
  checkOptions<JudgingConfig>('evaluation', evaluation, { audio: 1, calibrationBins: 1, mistakes: 1 });
  const { checkpoint: given } = options;
  const checkpoint = typeof given === 'string' ? await readCheckpoint(await findCheckpoint(given)) : given;
  const dataset = typeof options.dataset === 'string' ? await Dataset.open(options.dataset) : options.dataset;
  const split = typeof options.split === 'string' ? await dataset.split(options.split) : options.split;
  const side = options.side ?? 'test';
  const { judging: recordings, ...trainedOn } = withoutTrainedOn(
    dataset.onSide(split, side),
    checkpoint.metadata,
    split,
    side,
  );
  if (recordings.length === 0 && (trainedOn.leftOut ?? 0) + (trainedOn.leftOutSelection ?? 0) > 0)
    throw allTrainedOn(side, split);
  const trained = evaluationOf(checkpoint);
  const { audio = trained.audio, calibrationBins = trained.calibrationBins, mistakes = trained.mistakes } = evaluation;
  const { signal, onProgress, device, precision, threads } = options;
  const tally = new ReportTally(checkpoint.metadata, recordings, calibrationBins);
  const surest = new SurestMistakes(options.outputDir === undefined ? 0 : mistakes);
  const predicted = predictRecordings(checkpoint, dataset, recordings, {
    stage: 'evaluate',
    audio,
    signal,
    onProgress,
    runtime: { device, precision, threads },
  });
  for await (const one of predicted) {
    const result = tally.add(one);
    if ('clips' in one.prediction) surest.add(one.recording, result, one.prediction);
  }
  const report: Report = {
    formatVersion: 3,
    createdAt: new Date().toISOString(),
    checkpoint: {
      modelVersion: checkpoint.modelVersion,
      epoch: checkpoint.metadata.progress.epoch,
      trainedAt: checkpoint.metadata.versions.createdAt,
    },
    dataset: { id: dataset.manifest.id, name: dataset.manifest.name },
    split: split.name,
    side,
    ...trainedOn,
    ...tally.report(),
  };
  if (options.outputDir !== undefined) {
    const history = await historyOf(checkpoint);
    await writeReport(options.outputDir, { report, checkpoint, dataset, split, mistakes: surest.all(), history });
  }
  return report;
}

/** The best checkpoint holds the epochs up to its own; its run folder holds those after it. */
async function historyOf({ path, metadata }: Checkpoint): Promise<readonly EpochRecord[]> {
  const known = metadata.progress.history;
  const all = await new Run(dirname(dirname(path))).metrics().catch(() => []);
  const isSameRun = known.every(
    ({ epoch, trainLoss }, i) => all[i]?.epoch === epoch && all[i]?.trainLoss === trainLoss,
  );
  return isSameRun ? all : known;
}

function allTrainedOn(side: Side, { name }: Split): AutobirdError {
  return new AutobirdError(
    'all_trained_on',
    `The model was trained or selected on every ${side} recording of ${name}, so nothing is left to judge it: use another split or other recordings`,
  );
}

function evaluationOf({ metadata }: Checkpoint): JudgingConfig {
  // Older checkpoints may lack the keys.
  const { evaluation } = metadata.config as { evaluation?: Partial<Record<string, never>> };
  const { audio = 'originals', calibration_bins: calibrationBins = 10, mistakes = 24 } = evaluation ?? {};
  return { audio, calibrationBins, mistakes };
}
