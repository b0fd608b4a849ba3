import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { AutobirdError, InvalidArgumentError } from '../../bindings/errors.ts';
import { type Plain, toNode } from '../config/node.ts';
import { type Config, configSchema } from '../config/schema.ts';
import { shareableConfig, shareableOverrides } from '../config/shareableConfig.ts';
import { dumpYaml } from '../config/yaml.ts';
import { splitHash } from '../data/split.ts';
import type { Split } from '../domain.ts';
import { removeLeftovers, writeFileAtomic } from '../files.ts';
import { type Lock, takeLock } from '../lock.ts';
import { encode } from '../schema/case.ts';
import { listRuns, openRun } from './listRuns.ts';
import { createRunFolder, Run, type RunIdentity } from './Run.ts';

export interface StartedRun {
  readonly run: Run;
  readonly lock: Lock;
  /** Whether the run was there before. */
  readonly resumed: boolean;
  /** What was decided, a line each, for people. */
  readonly notes: readonly string[];
}

/**
 * The run to work in: by `run.resume` the newest unfinished one that would end in the same numbers, a given one, or a new
 * one. Its folder is locked until `lock.release()`.
 *
 * @throws InvalidArgumentError where the given run is of another configuration, dataset or split
 * @throws AutobirdError `run_finished`, `run_in_use` or `not_found` for the given run
 */
export async function startRun(config: Config, overrides: readonly string[], split: Split): Promise<StartedRun> {
  const identity = runIdentity(config, split);
  if (config.run.resume === 'never') return createRun(config, overrides, identity, []);
  if (config.run.resume !== 'auto') return resumeGiven(config.run.resume, identity);
  const notes: string[] = [];
  let finished: Run | undefined;
  for (const { run, state } of await listRuns(config.run.root, (line) => notes.push(line))) {
    if (state.threads !== identity.threads || !sameTraining(state, identity)) continue;
    if (state.finished) {
      finished ??= run;
      continue;
    }
    try {
      return { run, lock: await reopen(run), resumed: true, notes };
    } catch (error) {
      if (!(error instanceof AutobirdError) || error.code !== 'run_in_use') throw error;
      notes.push(`Not resumed: ${error.message}`);
    }
  }
  if (finished) {
    notes.push(
      `${finished.dir} is finished and of this configuration, dataset and split: another result needs another training.seed, training.steps or model`,
    );
  }
  return createRun(config, overrides, identity, notes);
}

async function resumeGiven(dir: string, identity: RunIdentity): Promise<StartedRun> {
  const { run, state } = await openRun(dir);
  if (state.finished) {
    throw new AutobirdError(
      'run_finished',
      `${dir} is finished, and a finished run is not trained further: \`autobird evaluate ${dir}\` judges it again; to train longer start a new run, with more training.steps and without run.resume`,
    );
  }
  const other = (Object.keys(identity) as (keyof RunIdentity)[]).find((key) => state[key] !== identity[key]);
  if (other) {
    const what = {
      configHash: 'configuration',
      datasetId: 'dataset',
      splitHash: 'split',
      threads: `training.threads=${state.threads}`,
    }[other];
    throw new InvalidArgumentError(
      `Expected the ${what} of ${dir} to resume it but received another one: see its .hydra/config.yaml, or start a new run with run.resume=never`,
    );
  }
  return { run, lock: await reopen(run), resumed: true, notes: [] };
}

function lockRun({ dir }: Run): Promise<Lock> {
  return takeLock(join(dir, 'run.lock'), { code: 'run_in_use', doing: `${dir} is being written` });
}

/** Locks a run and removes what a killed process left half written in it. */
async function reopen(run: Run): Promise<Lock> {
  const lock = await lockRun(run);
  await removeLeftovers(run.dir);
  await removeLeftovers(join(run.dir, 'checkpoints'));
  return lock;
}

async function createRun(
  config: Config,
  overrides: readonly string[],
  identity: RunIdentity,
  notes: readonly string[],
): Promise<StartedRun> {
  const run = new Run(await createRunFolder(config.run.root));
  const lock = await lockRun(run);
  try {
    await mkdir(join(run.dir, 'checkpoints'));
    await writeFileAtomic(
      join(run.dir, '.hydra', 'config.yaml'),
      dumpYaml(toNode(shareableConfig(encode(configSchema, config) as Record<string, unknown>) as Plain)),
    );
    await writeFileAtomic(join(run.dir, '.hydra', 'overrides.yaml'), dumpYaml(shareableOverrides(overrides)));
    // Last: a folder without it is not a run, and nothing of one is in it yet.
    await run.writeState({ formatVersion: 1, createdAt: new Date().toISOString(), ...identity, finished: false });
    return { run, lock, resumed: false, notes };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** What decides the numbers a run ends in. */
export function runIdentity(config: Config, split: Split): RunIdentity {
  return {
    configHash: configHash(config),
    datasetId: split.datasetId,
    splitHash: splitHash(split),
    threads: config.training.threads,
  };
}

/**
 * Of what may change the figures. Left out: how recordings were prepared, for which the dataset's id stands; where runs
 * lie; how predictions and reports look, and what is said of later recordings; and what decides speed. `training.threads` is compared apart (`RunIdentity`).
 */
export function configHash(config: Config): string {
  const { run: _run, predict: _predict, data: _data, drift: _drift, ...decisive } = config;
  const { threads: _threads, loaderThreads: _loaderThreads, ...training } = config.training;
  const { aggregation } = config.evaluation;
  return hashOf({ ...decisive, training, evaluation: { aggregation } });
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(value)))
    .digest('hex')
    .slice(0, 16);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  );
}

/** The same training, with however many threads. */
export function sameTraining(a: RunIdentity, b: RunIdentity): boolean {
  return a.configHash === b.configHash && a.datasetId === b.datasetId && a.splitHash === b.splitHash;
}
