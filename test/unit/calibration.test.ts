import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { aggregateClips, clipProbabilities } from '../../src/scoring/aggregate.ts';
import { type ClipLogits, calibrate, fitTemperature } from '../../src/scoring/calibration.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8')).calibration;

const recordings: ClipLogits[] = golden.recordings.map((recording: { truth: number; logits: number[] }) => ({
  truth: recording.truth,
  logits: Float32Array.from(recording.logits),
  activity: new Float32Array(recording.logits.length / golden.classes),
}));

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test('the temperature is the one SciPy finds', () => {
  near(fitTemperature(recordings, golden.classes, 'mean'), golden.temperature, 1e-3);
  const { temperature, loss } = calibrate(recordings, golden.classes, 'mean');
  near(temperature, golden.temperature, 1e-3);
  // The logits of the golden are rounded to six digits, and with the prior the loss still slopes at this temperature.
  near(loss as number, golden.loss, 5e-6);
});

test('auto takes the aggregation with the lowest loss', () => {
  const losses = (['mean', 'activity', 'majority'] as const).map((fixed) =>
    calibrate(recordings, golden.classes, fixed),
  );
  const best = Math.min(...losses.map(({ loss }) => loss as number));
  assert.is(calibrate(recordings, golden.classes, 'auto').loss, best);
});

test('votes, which say nothing of clip scores, take the temperature of the mean', () => {
  const { temperature } = calibrate(recordings, golden.classes, 'majority');
  near(temperature, golden.temperature, 1e-3);
});

test('without recordings of known classes the temperature is 1 and the aggregation the mean', () => {
  assert.equal(calibrate([], 3, 'auto'), { aggregation: 'mean', temperature: 1, loss: null });
  const unknown = { truth: 3, logits: Float32Array.of(1, 2, 3), activity: Float32Array.of(0) };
  assert.is(fitTemperature([unknown], 3, 'mean'), 1);
});

test('every aggregation gives scores that sum to 1', () => {
  const probabilities = clipProbabilities(Float32Array.of(5, 1, 0, 0, 2, 1, 0, 3, 1), 3, 1);
  for (const aggregation of ['mean', 'activity', 'majority'] as const) {
    const scores = aggregateClips(probabilities, Float32Array.of(1, 0, 0.5), 3, aggregation);
    near(
      scores.reduce((sum, score) => sum + score, 0),
      1,
      1e-6,
    );
  }
});

test('a majority of clips outvotes one that is more certain, and a tie goes to the higher mean', () => {
  const outvoted = clipProbabilities(Float32Array.of(9, 0, 0.1, 0.4, 0.1, 0.4), 2, 1);
  assert.is(outvotes(outvoted), 1);
  const tie = clipProbabilities(Float32Array.of(9, 0, 0.1, 0.4), 2, 1);
  assert.is(outvotes(tie), 0);
});

function outvotes(probabilities: Float32Array): number {
  const scores = aggregateClips(probabilities, new Float32Array(probabilities.length / 2), 2, 'majority');
  return scores.indexOf(Math.max(...scores));
}

test('activity listens to the clips where something happens, and to all alike where nothing does', () => {
  const probabilities = Float32Array.of(1, 0, 0, 1);
  assert.equal(
    [...aggregateClips(probabilities, Float32Array.of(3, 1), 2, 'activity')],
    [...Float32Array.of(0.82, 0.18)],
  );
  assert.equal([...aggregateClips(probabilities, Float32Array.of(0, 0), 2, 'activity')], [0.5, 0.5]);
});

test('an extreme logit overflows nothing', () => {
  assert.equal([...clipProbabilities(Float32Array.of(1e30, -1e30), 2, 0.05)], [1, 0]);
});

test('a recording without clips is refused', () => {
  assert.throws(() => aggregateClips(new Float32Array(0), new Float32Array(0), 2, 'mean'), /at least one clip/);
});

test.run();
