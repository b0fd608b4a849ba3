// time-limit: 300
import { spawn } from 'node:child_process';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Checkpoint, readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import type { Config } from '../../src/config/schema.ts';
import { listRuns } from '../../src/run/listRuns.ts';
import type { Run } from '../../src/run/Run.ts';
import { train } from '../../src/training/train.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** Everything that a run ends in, but for times: weights, optimizer, calibration, metrics, scores. */
async function outcome(run: Run) {
  const bare = ({ tensors, statistics, metadata, reference }: Checkpoint) => ({
    reference,
    tensors: Object.fromEntries(tensors.map(({ name, data }) => [name, Buffer.from(data).toString('base64')])),
    statistics,
    calibration: [
      metadata.aggregation,
      metadata.calibration,
      metadata.progress.bestEpoch,
      metadata.progress.bestMetric,
    ],
  });
  const metrics = (await run.metrics()).map(({ samplesPerS: _, durationS: __, ...record }) => record);
  return {
    best: bare(await readCheckpoint(run.bestCheckpoint)),
    last: bare(await readCheckpoint(run.lastCheckpoint)),
    metrics,
    predictions: (await run.report())?.predictions,
  };
}

/** Runs `body` with prepared tones, and what a run of `config` ends in when nothing disturbs it. */
async function withUndisturbed(
  overrides: readonly string[],
  body: (config: Config, expected: Awaited<ReturnType<typeof outcome>>) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const config = tinyConfig(dir, ...overrides);
    await prepareTones(dir, config);
    const undisturbed = await train({
      config: { ...config, run: { root: join(dir, 'undisturbed'), resume: 'never' } },
    });
    await body(config, await outcome(undisturbed));
  });
}

/** Trains until so many steps are done, then aborts. */
async function trainUntil(config: Config, steps: number): Promise<void> {
  const controller = new AbortController();
  const reason = new Error('enough for today');
  try {
    await train({
      config,
      signal: controller.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'train' && done === steps) controller.abort(reason);
      },
    });
    assert.unreachable('the run was not aborted');
  } catch (error) {
    assert.is(error, reason);
  }
}

for (const overrides of [
  [],
  ['training.validations=3', 'training.ema_decay=0.0', 'training.sampling=none', 'augment=none'],
]) {
  test(`an aborted run ends in the same numbers as one that was not disturbed (${overrides.join(' ') || 'default'})`, () =>
    withUndisturbed(overrides, async (config, expected) => {
      // In the first epoch, in the middle of the third, and at the last step.
      for (const steps of [5, 30, 72]) await trainUntil(config, steps);
      const notes: string[] = [];
      const run = await train({ config, onNote: (line) => notes.push(line) });
      assert.is((await listRuns(config.run.root)).length, 1);
      assert.ok(notes.some((line) => line.startsWith('Resumes ')));
      assert.equal(await outcome(run), expected);
    }));
}

/** Trains in a process that kills itself as soon as it reports `stage` with `done` or more. */
function trainAndKill(config: Config, stage: string, done: number): Promise<void> {
  const source = join(import.meta.dirname, '../../src/training/train.ts');
  const script = `import { train } from ${JSON.stringify(source)};
    const isDue = (now) => now.stage === ${JSON.stringify(stage)} && now.done >= ${done};
    await train({ config: ${JSON.stringify(config)}, onProgress: (now) => isDue(now) && process.kill(process.pid, 'SIGKILL') });`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script]);
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    child.on('close', (_, signal) => (signal === 'SIGKILL' ? resolve() : reject(new Error(`not killed: ${errors}`))));
  });
}

test('a killed run ends in the same numbers, whenever it is killed', () =>
  withUndisturbed([], async (config, expected) => {
    // While the statistics are made, in the first epoch, at the end of one, in the last, while the reference is made, and while it is evaluated.
    await trainAndKill(config, 'statistics', 0);
    await trainAndKill(config, 'train', 5);
    await trainAndKill(config, 'train', 36);
    await trainAndKill(config, 'train', 70);
    await trainAndKill(config, 'reference', 3);
    await trainAndKill(config, 'evaluate', 2);
    const run = await train({ config });
    assert.is((await listRuns(config.run.root)).length, 1);
    assert.equal(await outcome(run), expected);
    const leftovers = (await readdir(join(run.dir, 'checkpoints'))).filter(
      (name) => !/^(best|last)\.safetensors$/.test(name),
    );
    assert.equal(leftovers, []);
  }));

test('equal configurations go on, other ones and finished ones begin anew', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2');
    await prepareTones(dir, config);
    await trainUntil(config, 3);
    const other = await train({ config: tinyConfig(dir, 'training.epochs=2', 'optimizer.lr=0.02') });
    assert.is((await listRuns(config.run.root)).length, 2);
    // What prints, draws, prepares or hurries is not part of what is trained.
    const others = [
      'predict.top_k=1',
      'evaluation.mistakes=1',
      'evaluation.calibration_bins=3',
      'evaluation.batch_size=7',
      'training.loader_threads=2',
      'data.workers=1',
      'data.extensions=[wav]',
      `data.raw_dir='${join(dir, 'elsewhere')}'`,
    ];
    const same = await train({ config: tinyConfig(dir, 'training.epochs=2', ...others) });
    assert.is((await listRuns(config.run.root)).length, 2);
    assert.is.not(same.dir, other.dir);
    const again = await train({ config });
    assert.is.not(again.dir, same.dir);
    assert.equal((await outcome(again)).best, (await outcome(same)).best);
    await train({ config: { ...config, run: { ...config.run, resume: 'never' } } });
    assert.is((await listRuns(config.run.root)).length, 4);
  }));

test('a given run folder is resumed only as what it is', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2');
    await prepareTones(dir, config);
    await trainUntil(config, 3);
    const [listed] = await listRuns(config.run.root);
    const moved = join(dir, 'moved run');
    await rename(listed?.run.dir as string, moved);
    const resume = (...overrides: string[]) =>
      train({ config: tinyConfig(dir, 'training.epochs=2', `run.resume='${moved}'`, ...overrides) });
    const message = async (body: Promise<unknown>) => {
      try {
        await body;
      } catch (error) {
        return (error as Error).message;
      }
      return 'no error';
    };
    assert.match(await message(resume('optimizer.lr=0.02')), `Expected the configuration of ${moved} to resume it`);
    assert.match(await message(resume('split.seed=5')), 'Expected the configuration');
    assert.match(await message(resume('training.threads=3')), `Expected the training.threads=1 of ${moved}`);
    assert.is((await resume()).dir, moved);
    assert.match(
      await message(resume()),
      `is finished, and a finished run is not trained further: \`autobird evaluate ${moved}\` judges`,
    );
    const notes: string[] = [];
    const again = await train({
      config: tinyConfig(dir, 'training.epochs=2', `run.root='${dir}'`),
      onNote: (line) => notes.push(line),
    });
    assert.is.not(again.dir, moved);
    assert.match(notes.join('\n'), `${moved} is finished and of this configuration, dataset and split`);
    assert.match(
      await message(train({ config: tinyConfig(dir, `run.resume='${dir}'`) })),
      'is not the folder of a run',
    );
  }));

test.run();
