import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { expected, InvalidArgumentError } from '../../bindings/errors.ts';
import { concurrently } from '../concurrently.ts';
import type { Config } from '../config/schema.ts';
import { shareableOverrides } from '../config/shareableConfig.ts';
import type { Dataset } from '../data/dataset.ts';
import { resolveGroupBy } from '../data/groups.ts';
import type { JobOptions, Progress } from '../domain.ts';
import { writeFileAtomic, writeJson } from '../files.ts';
import { checkOptions, type OptionNames } from '../options.ts';
import { chooseRuntime } from '../prediction/chooseRuntime.ts';
import { crossvalPage } from '../reports/crossvalPage.ts';
import { type Crossval, crossvalSchema } from '../reports/crossvalReport.ts';
import type { RecordingResult, Report } from '../reports/report.ts';
import { listRuns } from '../run/listRuns.ts';
import type { Run } from '../run/Run.ts';
import { configHash, runIdentity, sameTraining } from '../run/startRun.ts';
import { encode } from '../schema/case.ts';
import { type Figures, FiguresTally } from '../scoring/metrics.ts';
import { openTraining } from '../training/openTraining.ts';
import {
  evaluateRun,
  type ResolvedTrainOptions,
  type TrainOptions,
  train,
  trainOptionNames,
} from '../training/train.ts';
import { mean, total } from '../vectors.ts';

export interface CrossvalOptions extends TrainOptions {
  /** Folder for `crossval.json`, `crossval.html` and the folds' runs; default one below `run.root` for each configuration. */
  readonly outputDir?: string | undefined;
  /**
   * Folds trained at once, each with an equal share of the threads unless `training.threads` says otherwise. Default one
   * a core, which is faster than all cores on one fold and bears a busy neighbour better; one on a GPU.
   */
  readonly jobs?: number | undefined;
}

const optionNames: OptionNames<CrossvalOptions> = { ...trainOptionNames, outputDir: 1, jobs: 1 };

/**
 * Trains and evaluates once for every fold and pools the test predictions: each recording is predicted once, by a model
 * that was not trained on its group. Folds are those of the metadata's fold column, else `split.folds` made by group. Interrupted, the
 * same call goes on with the fold and the epoch where it was; folds that are done are not done again. With other `jobs`,
 * and so other threads for each, folds that are done count still; one that was interrupted begins anew.
 *
 * @throws InvalidArgumentError where there is neither a fold column nor `split.folds`; and what `train` throws
 */
export async function crossval(given: CrossvalOptions): Promise<Crossval> {
  checkOptions('crossval', given, optionNames);
  const { config, dataset } = await openTraining(given);
  const { outputDir, jobs: wantedJobs, ...training } = given;
  const options: ResolvedTrainOptions = { ...training, config };
  const datasetDir = dataset.dir;
  const count = foldCount(dataset, config);
  const hash = configHash({ ...config, split: { ...config.split, folds: count, fold: null } }).slice(0, 8);
  const dir = outputDir ?? join(config.run.root, `crossval-${dataset.manifest.name}-${hash}`);
  const { jobs, threads } = shares(config, wantedJobs, count);
  const numbers = Array.from({ length: count }, (_, fold) => fold);
  const advance = foldsProgress(options.onProgress, count);
  const folds = await concurrently(numbers, jobs, options.signal, async (fold, signal) => {
    const prefix = `fold ${fold}: `;
    options.onNote?.(`${prefix}of ${count}`);
    const { run, report } = await trainFold(
      {
        ...options,
        config: {
          ...config,
          split: { ...config.split, folds: count, fold },
          training: { ...config.training, threads },
          run: { root: join(dir, `fold${fold}`), resume: 'auto' },
        },
        datasetDir,
        // Nobody measures drift from a fold.
        driftReference: false,
        signal,
        onNote: (line) => options.onNote?.(prefix + line),
        onProgress: (progress) => advance(fold, progress),
      },
      dataset,
    );
    advance(fold, { stage: 'done', done: 1, total: 1 });
    const metrics = await run.metrics();
    const durationS = total(metrics.map((record) => record.durationS));
    const { items, accuracy, balancedAccuracy, macroF1 } = report.recordings;
    return {
      fold: {
        fold,
        run: run.dir,
        recordings: items,
        leftOut: allLeftOut(report),
        accuracy,
        balancedAccuracy,
        macroF1,
        steps: metrics.at(-1)?.step ?? null,
        durationS,
      },
      report,
    };
  });
  const predictions = folds.flatMap(({ report }) => report.predictions);
  const result: Crossval = {
    formatVersion: 3,
    createdAt: new Date().toISOString(),
    dataset: { id: dataset.manifest.id, name: dataset.manifest.name },
    groupBy: resolveGroupBy(config.split.groupBy, dataset.recordings),
    overrides: shareableOverrides(options.overrides ?? []),
    folds: folds.map(({ fold }) => fold),
    pooled: pooledFigures(predictions),
    accuracy: meanAndSpread(folds.map(({ fold }) => fold.accuracy)),
    balancedAccuracy: meanAndSpread(folds.map(({ fold }) => fold.balancedAccuracy)),
    predictions,
  };
  // The folder can be moved and passed on: what is written in it names no place outside.
  const written = { ...result, folds: result.folds.map((fold) => ({ ...fold, run: relative(dir, fold.run) })) };
  await writeJson(join(dir, 'crossval.json'), encode(crossvalSchema, written));
  await writeFileAtomic(join(dir, 'crossval.html'), crossvalPage(written));
  return result;
}

/** Folds run side by side, each with stages of its own: together they are one job that only ever goes on. */
export function foldsProgress(
  onProgress: JobOptions['onProgress'],
  folds: number,
): (fold: number, progress: Progress) => void {
  const parts = new Array<number>(folds).fill(0);
  return (fold, { stage, done, total, message }) => {
    // Nearly all of a fold's time is training.
    const part = stage === 'done' ? 1 : stage === 'train' ? (0.95 * done) / Math.max(1, total) : 0;
    parts[fold] = Math.max(parts[fold] as number, part);
    const sum = parts.reduce((all, one) => all + one, 0);
    onProgress?.({ stage: 'crossval', done: sum, total: folds, message: `fold ${fold}: ${message ?? stage}` });
  };
}

/** The finished run of a fold, with however many threads it was trained; trained now unless it is there already. */
async function trainFold(options: ResolvedTrainOptions, dataset: Dataset): Promise<{ run: Run; report: Report }> {
  const { config } = options;
  const split = await dataset.makeSplit(config.split);
  const identity = runIdentity(config, split);
  const done = (await listRuns(config.run.root, options.onNote)).find(
    ({ state }) => state.finished && sameTraining(state, identity),
  );
  const run = done?.run ?? (await train(options));
  return { run, report: (await run.report()) ?? (await evaluateRun(run, dataset, split, options)) };
}

function shares(config: Config, jobs: number | undefined, folds: number): { jobs: number; threads: number } {
  if (jobs !== undefined && !(Number.isInteger(jobs) && jobs >= 1)) throw expected('a positive integer', 'jobs', jobs);
  const { device, precision, threads } = config.training;
  const cores = availableParallelism();
  const onCpu = chooseRuntime(device, precision, threads).device === 'cpu';
  const atOnce = Math.min(folds, jobs ?? (onCpu ? cores : 1));
  return { jobs: atOnce, threads: threads ?? Math.max(1, Math.floor(cores / atOnce)) };
}

function foldCount(dataset: Dataset, { split }: Config): number {
  const given = new Set(dataset.recordings.flatMap(({ fold }) => (fold === null ? [] : [fold])));
  if (given.size > 0) return given.size;
  if (split.folds !== null) return split.folds;
  throw new InvalidArgumentError(
    `Expected split.folds: ${dataset.dir} has no fold column, so say how many folds to make (split.folds=5)`,
  );
}

/** Folds may know different classes: labels are pooled by name, with the three best scores of each prediction. */
function pooledFigures(predictions: readonly RecordingResult[]): Figures {
  const labels = [...new Set(predictions.flatMap(({ label, top }) => [label, ...top.map((one) => one.label)]))].sort();
  const indexOf = new Map(labels.map((label, index) => [label, index]));
  const tally = new FiguresTally(labels);
  for (const { label, top, error } of predictions) {
    const scores = new Float32Array(labels.length);
    for (const one of top) scores[indexOf.get(one.label) as number] = one.score;
    tally.add({ truth: indexOf.get(label) as number, scores: error === null ? scores : null });
  }
  return tally.figures();
}

function allLeftOut({ leftOut, leftOutSelection }: Report): number | null {
  return leftOut === null ? null : leftOut + (leftOutSelection ?? 0);
}

function meanAndSpread(values: readonly number[]): Crossval['accuracy'] {
  const middle = mean(values);
  const squares = total(values.map((value) => (value - middle) ** 2));
  return { mean: middle, spread: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}
