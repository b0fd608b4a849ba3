import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listRuns } from '../../src/run/listRuns.ts';
import type { TrainingListener, TrainingStep } from '../../src/training/TrainingListener.ts';
import { train } from '../../src/training/train.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('a listener is told every step, every validated epoch and the end, in order, with what was measured', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=3', 'training.steps_per_epoch=4', 'split.test_ratio=0.0');
    await prepareTones(dir, config);
    const told: string[] = [];
    const steps: TrainingStep[] = [];
    const listener: TrainingListener = {
      restored: (history) => void told.push(`restored ${history.length}`),
      started: ({ labels, length }) => void told.push(`started ${labels.join(' ')} ${length.steps}`),
      stepped(step) {
        told.push(`step ${step.step}`);
        steps.push(step);
      },
      // What comes next waits for it.
      async saved({ epoch, step }) {
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`saved ${epoch} ${step}`);
      },
      ended: ({ history, best }) => void told.push(`ended ${history.length} ${best.epoch > 0}`),
    };
    const run = await train({ config, listeners: [listener] });
    const epoch = (n: number) => [...[1, 2, 3, 4].map((step) => `step ${4 * n + step}`), `saved ${n + 1} ${4 * n + 4}`];
    assert.equal(told, [
      ...['restored 0', 'started high low middle 12', ...epoch(0), ...epoch(1), ...epoch(2), 'ended 3 true'],
    ]);
    for (const { loss, gradNorm, learningRate, rows, computeMs } of steps) {
      assert.ok(loss > 0 && gradNorm > 0 && learningRate >= 0 && rows === 8 && computeMs > 0);
    }
    const losses = steps.slice(0, 4).reduce((sum, { loss }) => sum + loss / 4, 0);
    assert.ok(Math.abs(losses - ((await run.metrics())[0]?.trainLoss as number)) < 1e-6);
  }));

test('what a listener throws ends the training, and the run goes on where it was', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=3', 'training.steps_per_epoch=4', 'split.test_ratio=0.0');
    await prepareTones(dir, config);
    const full = new Error('the receiver is full');
    const failing: TrainingListener = {
      saved({ epoch }) {
        if (epoch === 2) throw full;
      },
    };
    try {
      await train({ config, listeners: [failing] });
      assert.unreachable('the training went on');
    } catch (error) {
      assert.is(error, full);
    }
    const told: string[] = [];
    const listener: TrainingListener = {
      restored: (history) => void told.push(`restored ${history.map(({ epoch }) => epoch)}`),
      stepped: ({ step }) => void told.push(`step ${step}`),
    };
    await train({ config, listeners: [listener] });
    assert.equal(told, ['restored 1,2', 'step 9', 'step 10', 'step 11', 'step 12']);
    assert.is((await listRuns(config.run.root)).length, 1);
  }));

test.run();
