import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutobirdError } from '../../bindings/errors.ts';
import type { EpochRecord } from '../../src/checkpoint/metadata.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { writeFileAtomic } from '../../src/files.ts';
import { listRuns, openRun } from '../../src/run/listRuns.ts';
import { createRunFolder, Run } from '../../src/run/Run.ts';
import { summarizeRun } from '../../src/run/summarizeRun.ts';
import { type FitOptions, fit } from '../../src/training/fit.ts';
import { metricsFile } from '../../src/training/listeners/metricsFile.ts';
import { writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const record = (epoch: number): EpochRecord => ({
  epoch,
  step: epoch * 10,
  learningRate: 1e-3,
  trainLoss: 1 / epoch,
  trainAccuracy: 0.5,
  valLoss: null,
  valAccuracy: null,
  valBalancedAccuracy: null,
  samplesPerS: 100,
  durationS: 1,
});

async function errorOf(body: () => Promise<unknown>): Promise<AutobirdError> {
  try {
    await body();
  } catch (error) {
    return error as AutobirdError;
  }
  throw new Error('nothing was thrown');
}

test('two runs of one second have different folders', () =>
  withTempDir(async (root) => {
    const now = new Date(2026, 0, 2, 3, 4, 5);
    const dirs = await Promise.all([1, 2, 3].map(() => createRunFolder(root, now)));
    assert.equal(
      dirs.toSorted(),
      ['03-04-05', '03-04-05-2', '03-04-05-3'].map((time) => join(root, '2026-01-02', time)),
    );
  }));

test('runs are listed newest first, and other folders are no runs', () =>
  withTempDir(async (root) => {
    const states = ['2026-01-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'];
    for (const createdAt of states) {
      const run = new Run(await createRunFolder(root));
      const identity = { configHash: 'c', datasetId: 'd', splitHash: 's', threads: null };
      await run.writeState({ formatVersion: 1, createdAt, ...identity, finished: false });
    }
    const empty = await createRunFolder(root);
    assert.equal(
      (await listRuns(root)).map(({ state }) => state.createdAt),
      states.toSorted().reverse(),
    );
    assert.equal(await listRuns(join(root, 'nowhere')), []);
    const damaged = join(await createRunFolder(root), 'run.json');
    await writeFile(damaged, '{"format_version": 1');
    const notes: string[] = [];
    assert.is((await listRuns(root, (line) => notes.push(line))).length, states.length);
    assert.is(notes.length, 1);
    assert.match(notes[0] as string, `Run left out: ${damaged} is not JSON`);
    assert.match((await errorOf(() => openRun(empty))).message, 'is not the folder of a run');
  }));

test('metrics survive a line that was cut short and go back to those of a checkpoint', () =>
  withTempDir(async (dir) => {
    const run = new Run(dir);
    assert.equal(await run.metrics(), []);
    await run.appendMetrics(record(1));
    await run.appendMetrics(record(2));
    await appendFile(join(dir, 'metrics.jsonl'), '{"epoch": 3, "st');
    assert.equal(await run.metrics(), [record(1), record(2)]);
    await run.appendMetrics(record(3));
    assert.equal(await run.metrics(), [record(1), record(2), record(3)]);
    await run.resetMetrics([record(1)]);
    assert.equal(await run.metrics(), [record(1)]);
  }));

test('a summary shows the accuracy of the epoch that is kept, not the best of any epoch', () =>
  withTempDir(async (root) => {
    const run = new Run(await createRunFolder(root));
    const identity = { configHash: 'c', datasetId: 'd', splitHash: 's', threads: null };
    const state = { formatVersion: 1 as const, createdAt: '', ...identity, finished: true };
    await run.resetMetrics([
      { ...record(1), valLoss: 0.5, valAccuracy: 0.6, valBalancedAccuracy: 0.7 },
      { ...record(2), valLoss: 0.4, valAccuracy: 0.9, valBalancedAccuracy: 0.5 },
    ]);
    assert.is((await summarizeRun({ run, state })).valAccuracy, null, 'which one is kept is not known');
    for (const [metric, accuracy] of [
      ['val_balanced_accuracy', 0.6],
      ['val_loss', 0.9],
    ] as const) {
      await writeFileAtomic(join(run.dir, '.hydra', 'config.yaml'), `training:\n  metric: ${metric}\n`);
      assert.is((await summarizeRun({ run, state })).valAccuracy, accuracy);
    }
  }));

test('the metrics of a run that was killed between its last checkpoint and its last line are made whole', () =>
  withTempDir(async (dir) => {
    const run = new Run(dir);
    const { metadata, ...content } = await readCheckpoint(await writeTinyModel(run.lastCheckpoint));
    const history = [record(1), record(2)];
    const progress = { ...metadata.progress, history, finished: true };
    await writeCheckpoint(run.lastCheckpoint, { ...content, metadata: { ...metadata, progress } });
    await run.appendMetrics(record(1));
    const options: Pick<FitOptions, 'run' | 'listeners'> = { run, listeners: [metricsFile(run)] };
    await fit(options as FitOptions);
    assert.equal(await run.metrics(), history);
  }));

test.run();
