/** Training from a prepared dataset to an evaluated run. It reads top to bottom: open, restore, loop, keep what drift is measured from, evaluate. */
import { AutobirdError, InvalidArgumentError } from '../../bindings/errors.ts';
import type { ConfigSource } from '../config/completeConfig.ts';
import type { Config } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import { noEventLabelsOf } from '../data/labels.ts';
import type { JobOptions, Split } from '../domain.ts';
import { checkOriginals } from '../evaluation/checkOriginals.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { checkOptions, type OptionNames } from '../options.ts';
import { chooseRuntime } from '../prediction/chooseRuntime.ts';
import { describeReport } from '../reports/describeReport.ts';
import type { Report } from '../reports/report.ts';
import type { Run } from '../run/Run.ts';
import { startRun } from '../run/startRun.ts';
import { fit } from './fit.ts';
import { keepReference } from './keepReference.ts';
import { metricsFile } from './listeners/metricsFile.ts';
import { progressLine } from './listeners/progressLine.ts';
import { trainLog } from './listeners/trainLog.ts';
import { openTraining } from './openTraining.ts';
import type { TrainingListener } from './TrainingListener.ts';

export interface TrainOptions extends JobOptions, ConfigSource {
  /** The prepared dataset; by default `<data.root>/<data.name>`. */
  readonly datasetDir?: string;
  /** Keep in the checkpoint what drift is measured from. Default true. */
  readonly driftReference?: boolean;
  /** Told what every step and every validated epoch measured. */
  readonly listeners?: readonly TrainingListener[];
  /** Lines worth keeping: what was chosen, what was left out. They are also in `train.log`. */
  readonly onNote?: (line: string) => void;
}

/** Options with a complete configuration. */
export type ResolvedTrainOptions = TrainOptions & { readonly config: Config };

export const trainOptionNames: OptionNames<TrainOptions> = {
  config: 1,
  overrides: 1,
  configDir: 1,
  datasetDir: 1,
  driftReference: 1,
  listeners: 1,
  onNote: 1,
  signal: 1,
  onProgress: 1,
};

/**
 * Trains a classifier and evaluates it on the test recordings. By `run.resume` an interrupted run of the same
 * configuration, dataset and split goes on where it was; on the CPU it ends in the same weights as an undisturbed one.
 *
 * ```ts
 * const run = await train({ config: { data: { name: 'field' }, training: { epochs: 30 } } });
 * ```
 *
 * @throws AutobirdError `no_dataset` before `prepare`, `empty_raw_dir` where a mount is missing, `nothing_to_learn`, `diverged`, `run_in_use`, `disk_full`
 * @throws `signal.reason` when aborted; the run can be resumed
 */
export async function train(given: TrainOptions): Promise<Run> {
  checkOptions('train', given, trainOptionNames);
  const { config, dataset } = await openTraining(given);
  const options: ResolvedTrainOptions = { ...given, config };
  const { signal } = options;
  checkRate(dataset, config);
  const noEvent = checkNoEventLabels(dataset, options);
  const { device, precision, threads } = config.training;
  chooseRuntime(device, precision, threads); // a machine that cannot do it says so before there is a run
  const split = await dataset.makeSplit(config.split);
  const started = await startRun(config, options.overrides ?? [], split);
  const { run, lock } = started;
  const note = async (line: string) => {
    options.onNote?.(line);
    await run.log(line);
  };
  try {
    for (const line of started.notes) await note(line);
    await note(`${started.resumed ? 'Resumes' : 'Writes to'} ${run.dir}`);
    for (const line of [...noEvent, ...dataset.describeSplit(split)]) await note(line);
    await note(await checkOriginals(dataset, dataset.onSide(split, 'test'), config.evaluation));
    const own = [metricsFile(run), trainLog(note), progressLine(options.onProgress)];
    await fit({ ...options, dataset, split, run, listeners: [...own, ...(options.listeners ?? [])] });
    if (options.driftReference ?? true) await keepReference({ ...options, dataset, split, run, note });
    if (split.counts.test > 0) {
      try {
        await note(describeReport(await evaluateRun(run, dataset, split, options)));
      } catch (error) {
        if (signal?.aborted || isDiskError(error)) throw error;
        // The weights are final whatever the report says: a run that fails here would fail at each resume.
        await note(`There is no report: ${(error as Error).message}. autobird evaluate ${run.dir} makes it`);
      }
    }
    await run.writeState({ ...(await run.state()), finished: true });
    return run;
  } catch (error) {
    // A disk that is full must not hide that it is.
    await run.log(signal?.aborted ? 'Interrupted' : `Failed: ${(error as Error).message}`).catch(() => {});
    throw error;
  } finally {
    await lock.release();
  }
}

/** Judges a run on the test recordings and writes its report. */
export async function evaluateRun(
  run: Run,
  dataset: Dataset,
  split: Split,
  { config, signal, onProgress }: ResolvedTrainOptions,
): Promise<Report> {
  const { training } = config;
  const { audio, calibrationBins, mistakes } = config.evaluation;
  return await evaluate({
    checkpoint: run.bestCheckpoint,
    dataset,
    split,
    evaluation: { audio, calibrationBins, mistakes },
    outputDir: run.dir,
    device: training.device,
    threads: training.threads ?? undefined,
    signal,
    onProgress,
  });
}

/** A full disk can be mended, and the same command goes on. */
function isDiskError(error: unknown): boolean {
  return error instanceof AutobirdError && ['disk_full', 'not_writable'].includes(error.code);
}

function checkRate(dataset: Dataset, config: Config): void {
  const { sampleRateHz } = dataset.manifest;
  if (sampleRateHz === config.features.sampleRateHz) return;
  throw new InvalidArgumentError(
    `Expected features.sample_rate_hz=${sampleRateHz}, the rate of the dataset ${dataset.dir}, but received ${config.features.sampleRateHz}: give that rate, or prepare a dataset of this one, autobird prepare ${dataset.manifest.rawDir} --name ${dataset.manifest.name}-${config.features.sampleRateHz} features.sample_rate_hz=${config.features.sampleRateHz}`,
  );
}

/**
 * Which labels mean "no event" is part of the dataset. A line where the configuration has others.
 *
 * @throws InvalidArgumentError where the options of this call name them
 */
function checkNoEventLabels({ dir, manifest }: Dataset, { config, overrides = [] }: ResolvedTrainOptions): string[] {
  const wanted = noEventLabelsOf(manifest.labels, config.data.noEventLabels);
  if (wanted.join('\n') === manifest.noEventLabels.join('\n')) return [];
  const list = (labels: readonly string[]) => `[${labels.join(', ')}]`;
  if (overrides.some((text) => /^\+{0,2}data\.no_event_labels=/.test(text))) {
    throw new InvalidArgumentError(
      `Expected data.no_event_labels=${list(manifest.noEventLabels)}, those of the dataset ${dir}, but received ${list(config.data.noEventLabels)}: prepare it again with these`,
    );
  }
  return [`No event: ${list(manifest.noEventLabels)}, as prepared (data.no_event_labels is read by prepare)`];
}
