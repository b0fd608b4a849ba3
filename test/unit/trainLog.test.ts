import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { stillImproves, trainLog } from '../../src/training/listeners/trainLog.ts';
import { allListeners, type TrainingStarted, type TrainingStep } from '../../src/training/TrainingListener.ts';

const length = { steps: 100, epochs: 10, stepsPerEpoch: 10, rowsPerEpoch: 80, validateEvery: 1, note: '100 steps' };
const started: TrainingStarted = {
  ...{
    labels: ['a', 'b'],
    recordings: { train: 8, val: 2 },
    length,
    notes: ['Not learned: c (no training recordings)'],
  },
  ...{ device: 'cpu', precision: 'f32', threads: 2, loaderThreads: 1 },
};

const stepOf = (step: number): TrainingStep => ({
  ...{ epoch: Math.floor((step - 1) / 10), step, learningRate: 0.001, loss: 1, correct: 4, rows: 8, gradNorm: 1 },
  ...{ skipped: false, lossScale: 1, waitMs: 0, computeMs: 1 },
});

async function linesOf(from: number, to: number): Promise<string[]> {
  const lines: string[] = [];
  const log = allListeners([
    trainLog(async (line) => {
      lines.push(line);
    }),
  ]);
  await log.restored([]);
  await log.started(started);
  for (let step = from + 1; step <= to; step++) log.stepped(stepOf(step));
  return lines;
}

test('the log begins with what is trained on what, and what was left out', async () => {
  assert.equal(await linesOf(0, 0), [
    'Not learned: c (no training recordings)',
    'Learns 2 classes from 8 recordings, validates on 2',
    'Trains 100 steps',
    'Trains on cpu in f32 with 2 threads, 1 for features',
  ]);
});

test('the time is told once, when ten steps of this process are timed', async () => {
  for (const from of [0, 50]) {
    const lines = (await linesOf(from, 100)).slice(4);
    assert.is(lines.length, 1);
    assert.match(lines[0] as string, new RegExp(`^${100 - from - 11} steps to go, about 0:00 `));
  }
});

test('a training that is over by then is not told how long it takes', async () => {
  assert.is((await linesOf(89, 100)).length, 4);
});

test('a training still improves where its last loss is clearly the lowest', () => {
  const history = (...losses: (number | null)[]) => losses.map((valLoss, i) => ({ step: 10 * (i + 1), valLoss }));
  assert.ok(stillImproves(history(2.2, 2.0, 1.9, 1.7, 1.6, 1.4, 1.2, 1.0)));
  assert.not(stillImproves(history(2.2, 1.4, 1.1, 1.0, 1.01, 1.02, 1.0, 0.99)), 'flat');
  assert.not(stillImproves(history(2.2, 1.8, 1.6, 1.5, 1.4, 1.0, 0.8, 0.9)), 'its best is behind it');
  assert.not(stillImproves(history(2, 1)), 'two points are no curve');
  assert.not(stillImproves(history(null, null, null, null)), 'nothing was measured');
  assert.not(stillImproves([]));
});

test.run();
