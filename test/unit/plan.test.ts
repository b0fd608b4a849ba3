import { isDeepStrictEqual } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AugmentConfig } from '../../src/config/schema.ts';
import { planStep } from '../../src/training/plan.ts';
import { Sampler, type Unit } from '../../src/training/sampler.ts';

const off: AugmentConfig = {
  crop: 'grid',
  activity: 0,
  gainDb: 0,
  noiseProbability: 0,
  noiseSnrMinDb: 10,
  noiseSnrMaxDb: 40,
  filterDb: 0,
  filterKnots: 6,
  mixProbability: 0,
  bandMaskWidth: 0,
  bandMasks: 0,
  frameMaskWidth: 0,
  frameMasks: 0,
};

const units: Unit[] = Array.from({ length: 40 }, (_, i) => ({ recording: i, startSample: i * 7, label: i % 3 }));

function plan(augment: Partial<AugmentConfig>, place: readonly [number, number] = [0, 0], labelSmoothing = 0) {
  const training = { sampling: 'none', batchSize: 40, seed: 4, labelSmoothing } as const;
  const sampler = new Sampler({
    units,
    sources: new Map(units.map(({ recording }) => [recording, { sampleCount: 1000, profile: null }])),
    clipSamples: 100,
    profileStepSamples: 10,
    augment: { ...off, ...augment },
    training,
    rowsPerEpoch: units.length,
  });
  const options = { augment: { ...off, ...augment }, training, classes: 3, clipSamples: 100, bands: 16, frames: 20 };
  return planStep(sampler, options, ...place);
}

const rows = (target: Float32Array) =>
  Array.from({ length: target.length / 3 }, (_, b) => target.subarray(b * 3, b * 3 + 3));

test('with everything off a plan is the clips and their labels alone', () => {
  const { recording, startSample, gain, mixRecording, noiseSnrDb, filterDb, bandMasks, frameMasks, target } = plan({});
  recording.forEach((index, b) => {
    assert.is(startSample[b], index * 7);
    assert.equal(
      [...(rows(target)[b] as Float32Array)],
      [0, 1, 2].map((c) => (c === index % 3 ? 1 : 0)),
    );
  });
  assert.ok(gain.every((factor) => factor === 1));
  assert.ok(mixRecording.every((partner) => partner === -1));
  assert.ok(noiseSnrDb.every(Number.isNaN));
  assert.is(filterDb.length + bandMasks.length + frameMasks.length, 0);
});

test('equal places give equal plans, other places others', () => {
  const augment = { gainDb: 6, noiseProbability: 0.5, filterDb: 3, mixProbability: 1, bandMasks: 1, bandMaskWidth: 8 };
  // uvu's equality does not know that NaN is NaN.
  assert.ok(isDeepStrictEqual(plan(augment, [3, 0]), plan(augment, [3, 0])));
  assert.not.equal(plan(augment, [3, 0]).gain, plan(augment, [4, 0]).gain);
});

test('a mixed row has its target shared as its waveforms are', () => {
  const { recording, mixRecording, mixRatio, target } = plan({ mixProbability: 1 });
  rows(target).forEach((row, b) => {
    const ratio = mixRatio[b] as number;
    assert.ok(ratio >= 0 && ratio < 1);
    const expected = [0, 0, 0];
    expected[(recording[b] as number) % 3] = ratio;
    const other = (mixRecording[b] as number) % 3;
    expected[other] = (expected[other] as number) + 1 - ratio;
    row.forEach((share, c) => {
      assert.ok(Math.abs(share - (expected[c] as number)) < 1e-6);
    });
  });
});

test('mixing happens in the asked share of batches, to all rows or none', () => {
  const mixed = Array.from({ length: 400 }, (_, epoch) => plan({ mixProbability: 0.6 }, [epoch, 0]).mixRecording).map(
    (partners) => partners.filter((partner) => partner >= 0).length,
  );
  assert.ok(mixed.every((count) => count === 0 || count === 40));
  const share = mixed.filter((count) => count === 40).length / 400;
  assert.ok(Math.abs(share - 0.6) < 0.08, `${share}`);
});

test('smoothed and mixed targets still sum to 1', () => {
  for (const row of rows(plan({ mixProbability: 1 }, [0, 0], 0.1).target)) {
    assert.ok(Math.abs(row.reduce((sum, share) => sum + share, 0) - 1) < 1e-6);
    assert.ok(Math.min(...row) >= 0.1 / 3 - 1e-6);
  }
});

test('masks fit, gains and noise stay in their ranges', () => {
  const drawn = plan({
    gainDb: 6,
    noiseProbability: 1,
    filterDb: 2,
    bandMasks: 2,
    bandMaskWidth: 30,
    frameMasks: 1,
    frameMaskWidth: 5,
  });
  assert.is(drawn.bandMasks.length, 40 * 4);
  assert.is(drawn.frameMasks.length, 40 * 2);
  assert.is(drawn.filterDb.length, 40 * 6);
  for (const [masks, extent, widest] of [
    [drawn.bandMasks, 16, 16],
    [drawn.frameMasks, 20, 5],
  ] as const) {
    for (let i = 0; i < masks.length; i += 2) {
      const [start, width] = [masks[i] as number, masks[i + 1] as number];
      assert.ok(start >= 0 && width >= 0 && width <= widest && start + width <= extent, `${start} ${width}`);
    }
  }
  assert.ok(drawn.gain.every((factor) => factor >= 10 ** -0.31 && factor <= 10 ** 0.31));
  assert.ok(drawn.noiseSnrDb.every((snr) => snr >= 10 && snr <= 40));
});

test.run();
