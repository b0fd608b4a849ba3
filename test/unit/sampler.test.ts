import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFor } from '../../src/random.ts';
import { Sampler, type SamplerOptions, type Unit } from '../../src/training/sampler.ts';

// 12 units: 8 of class 0, 3 of class 1, 1 of class 2; every unit in its own recording of 1,000 samples.
const units: Unit[] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2].map((label, recording) => ({
  recording,
  startSample: 0,
  label,
}));

function makeSampler(
  change: Partial<Pick<SamplerOptions, 'augment' | 'training' | 'sources' | 'units' | 'rowsPerEpoch'>> = {},
): Sampler {
  const pool = change.units ?? units;
  return new Sampler({
    units: pool,
    sources: new Map(pool.map(({ recording }) => [recording, { sampleCount: 1000, profile: null }])),
    clipSamples: 100,
    profileStepSamples: 10,
    augment: { crop: 'grid', activity: 0 },
    training: { sampling: 'none', batchSize: 5, seed: 4 },
    rowsPerEpoch: pool.length,
    ...change,
  });
}

test('without weights an epoch is one shuffled pass, and the next epoch another order', () => {
  const sampler = makeSampler();
  const epoch = (e: number) => [0, 1, 2].flatMap((step) => sampler.draw(e, step).map(({ recording }) => recording));
  assert.equal(
    epoch(0).toSorted((a, b) => a - b),
    units.map(({ recording }) => recording),
  );
  assert.not.equal(epoch(0), epoch(1));
  assert.equal(epoch(1), epoch(1));
});

test('with a fixed number of steps the passes go on across epochs', () => {
  const sampler = makeSampler({ rowsPerEpoch: 10 });
  const drawn = [0, 1, 2, 3, 4, 5].flatMap((epoch) => [0, 1].flatMap((step) => sampler.draw(epoch, step)));
  assert.is(drawn.length, 60);
  for (const unit of units) assert.is(drawn.filter(({ recording }) => recording === unit.recording).length, 5);
});

function sharesOf(sampling: 'sqrt' | 'balanced'): number[] {
  const sampler = makeSampler({ training: { sampling, batchSize: 1000, seed: 4 }, rowsPerEpoch: 20_000 });
  const counts = [0, 0, 0];
  for (let step = 0; step < 20; step++) {
    for (const { label } of sampler.draw(0, step)) counts[label] = (counts[label] as number) + 1;
  }
  return counts.map((count) => count / 20_000);
}

test('balanced draws every class alike, sqrt by the root of its size', () => {
  for (const share of sharesOf('balanced')) assert.ok(Math.abs(share - 1 / 3) < 0.015, `${share}`);
  const total = Math.sqrt(8) + Math.sqrt(3) + 1;
  sharesOf('sqrt').forEach((share, label) => {
    const expected = Math.sqrt([8, 3, 1][label] as number) / total;
    assert.ok(Math.abs(share - expected) < 0.015, `${share} is not ${expected}`);
  });
});

test('random crops lie inside the recording', () => {
  const sampler = makeSampler({ augment: { crop: 'random', activity: 0 } });
  const starts = Array.from({ length: 300 }, (_, epoch) => sampler.draw(epoch, 0)).flat();
  assert.ok(starts.every(({ startSample }) => startSample >= 0 && startSample <= 900));
  assert.ok(Math.max(...starts.map(({ startSample }) => startSample)) > 850);
});

test('a recording shorter than a clip lies anywhere in it', () => {
  const sources = new Map(units.map(({ recording }) => [recording, { sampleCount: 40, profile: null }]));
  const sampler = makeSampler({ augment: { crop: 'random', activity: 0.8 }, sources });
  const starts = Array.from({ length: 300 }, (_, epoch) => sampler.draw(epoch, 0)).flat();
  const values = starts.map(({ startSample }) => startSample);
  assert.is(Math.max(...values), 0);
  assert.is(Math.min(...values), -60);
});

test('crops are drawn where the recording is active, but for the uniform share', () => {
  const profile = new Float32Array(100);
  profile.fill(1, 50, 55);
  const sources = new Map(units.map(({ recording }) => [recording, { sampleCount: 1000, profile }]));
  const crops = (activity: number) => {
    const sampler = makeSampler({ augment: { crop: 'random', activity }, sources });
    const starts = Array.from({ length: 1000 }, (_, epoch) => sampler.draw(epoch, 0)).flat();
    // The event is samples 500 to 550: what a clip of 100 samples hears of it begins in 400..550.
    return starts.filter(({ startSample }) => startSample > 400 && startSample < 550).length / starts.length;
  };
  assert.is(crops(1), 1);
  assert.ok(Math.abs(crops(0) - 150 / 901) < 0.03);
  assert.ok(Math.abs(crops(0.8) - (0.8 + (0.2 * 150) / 901)) < 0.03);
});

test('a silent recording is cropped uniformly', () => {
  const sources = new Map(
    units.map(({ recording }) => [recording, { sampleCount: 1000, profile: new Float32Array(100) }]),
  );
  const sampler = makeSampler({ augment: { crop: 'random', activity: 1 }, sources });
  assert.ok(new Set(sampler.draw(0, 0).map(({ startSample }) => startSample)).size > 1);
});

test('random numbers are uniform, normal and unrelated between neighbouring places', () => {
  const n = 20_000;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const random = randomFor(4, 'test', 0, 0);
  assert.ok(Math.abs(mean(Array.from({ length: n }, () => random.next())) - 0.5) < 0.01);
  const normal = Array.from({ length: n }, () => random.normal());
  assert.ok(Math.abs(mean(normal)) < 0.03);
  assert.ok(Math.abs(mean(normal.map((x) => x * x)) - 1) < 0.05);
  const firsts = Array.from({ length: n }, (_, step) => randomFor(4, 'sample', 0, step).next() - 0.5);
  const lag = mean(firsts.slice(1).map((x, i) => x * (firsts[i] as number)));
  assert.ok(Math.abs(mean(firsts)) < 0.01 && Math.abs(lag) < 0.003, `mean ${mean(firsts)}, lag ${lag}`);
  assert.is.not(randomFor(4, 'a').uint32(), randomFor(4, 'b').uint32());
  assert.is(randomFor(4, 'a').uint32(), randomFor(4, 'a').uint32());
});

test.run();
