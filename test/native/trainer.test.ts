import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AutobirdError,
  type BatchPlan,
  Engine,
  LogMel,
  ShardSet,
  type StepResult,
  Trainer,
} from '../../bindings/index.ts';
import { plainPlan } from '../helpers/batchPlan.ts';
import { formulaBatch } from '../helpers/modelFormula.ts';
import { rejects } from '../helpers/rejects.ts';
import { recordingOf, writeShard } from '../helpers/shards.ts';
import { engineOptions, floats, tinyFeatures, tinyModel, trainerOptions } from '../helpers/tinyNetwork.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const rate = tinyFeatures.sampleRateHz;
const shape = { rows: 6, mels: 16, frames: 51, classes: 3 };
const learningRate = 1e-3;
const withoutDropout = { ...tinyModel, dropout: 0, stemDropout: 0 };

async function withShards(body: (shards: ShardSet) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const entries = await Promise.all(
      [0, 1, 2].map((index) => writeShard(dir, `${index}.bin`, recordingOf(index, 4, rate), rate)),
    );
    using shards = await ShardSet.open(entries, tinyFeatures);
    await body(shards);
  });
}

/** Everything that augmentation can do, differently for each step. */
function wildPlan(step: number): BatchPlan {
  return plainPlan([0, 1, 2, 1], [step * 100, 0, 5000, -300], rate, 3, {
    gain: Float32Array.of(0.5, 1, 2, 1),
    mixRecording: Int32Array.of(1, -1, 0, 2),
    mixStartSample: Float64Array.of(0, 0, 700, 900),
    mixRatio: Float32Array.of(0.3, 1, 0.8, 0.5),
    noiseSnrDb: Float32Array.of(10, Number.NaN, 20, 0),
    noiseSeed: Uint32Array.of(step, 0, step + 1, step + 2),
    filterDb: Float32Array.from({ length: 12 }, (_, i) => (i % 5) - 2),
    bandMasks: Int32Array.of(0, 2, 3, 4, 5, 0, 14, 9),
    frameMasks: Int32Array.of(0, 10, 3, 4, 50, 9, 14, 9),
  });
}

test('six steps are three, a checkpoint, and three in a new trainer, bit for bit', () =>
  withShards(async (shards) => {
    const options = trainerOptions({ emaDecay: 0.9, gradClip: 0.5, threads: 2, loaderThreads: 2 });
    const run = async (trainer: Trainer, from: number, until: number) => {
      const steps: Promise<StepResult>[] = [];
      for (let step = from; step < until; step++) steps.push(trainer.step(wildPlan(step), { learningRate }));
      return (await Promise.all(steps)).map(({ loss, gradNorm }) => [loss, gradNorm]);
    };
    using whole = await Trainer.create(options, shards);
    const losses = await run(whole, 0, 6);
    using first = await Trainer.create(options, shards);
    const before = await run(first, 0, 3);
    using second = await Trainer.create({ ...options, seed: options.seed }, shards);
    await second.importState(await first.exportState(true));
    const after = await run(second, 3, 6);
    assert.equal([...before, ...after], losses);
    assert.equal(await second.exportState(true), await whole.exportState(true));
  }));

test('features of a plan are those of LogMel, normalised', () =>
  withShards(async (shards) => {
    const statistics = { mean: new Float32Array(16).fill(-3), std: new Float32Array(16).fill(2) };
    const options = trainerOptions({ model: withoutDropout, statistics });
    const plan = plainPlan([0, 1], [100, 4000], rate, 3);
    using logMel = new LogMel(tinyFeatures);
    const rows = await Promise.all(
      [0, 1].map(async (row) => {
        const { data } = await logMel.compute(await shards.readPcm(row, plan.startSample[row] as number, rate));
        return data.map((value) => (value + 3) / 2);
      }),
    );
    using a = await Trainer.create(options, shards);
    using b = await Trainer.create(options, null);
    const ready = Float32Array.from(rows.flatMap((row) => [...row]));
    const fromPlan = await a.step(plan, { learningRate });
    const fromFeatures = await b.stepFeatures(ready, plan.target, 2, { learningRate });
    assert.ok(Math.abs(fromPlan.loss - fromFeatures.loss) < 1e-6 * fromPlan.loss);
    assert.ok(Math.abs(fromPlan.gradNorm - fromFeatures.gradNorm) < 1e-4 * fromPlan.gradNorm);
  }));

test('each augmentation does what the plan says', () =>
  withShards(async (shards) => {
    const lossOf = async (plan: BatchPlan) => {
      using trainer = await Trainer.create(trainerOptions({ model: withoutDropout }), shards);
      return (await trainer.step(plan, { learningRate })).loss;
    };
    const plan = (recording: number[], changes: Partial<BatchPlan> = {}) => ({
      ...plainPlan(recording, [0, 0], rate, 3, changes),
      target: Float32Array.of(1, 0, 0, 0, 1, 0),
    });
    const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) < 1e-4 * a, `${what}: ${a}, ${b}`);
    const plain = await lossOf(plan([0, 1]));
    const mixRecording = Int32Array.of(1, 0);
    near(await lossOf(plan([0, 1], { mixRecording })), plain, 'a ratio of 1 leaves the second clip out');
    near(
      await lossOf(plan([0, 1], { mixRecording, mixRatio: new Float32Array(2) })),
      await lossOf(plan([1, 0])),
      'a ratio of 0 leaves the first clip out',
    );
    const halves = new Float32Array(2).fill(0.5);
    near(
      await lossOf(plan([0, 1], { mixRecording, mixRatio: halves })),
      await lossOf(plan([1, 0], { mixRecording: Int32Array.of(0, 1), mixRatio: halves })),
      'an even mixture has no order',
    );
    // A factor on the samples, and the same in dB on mel power.
    near(
      await lossOf(plan([0, 1], { gain: new Float32Array(2).fill(10) })),
      await lossOf(plan([0, 1], { filterDb: new Float32Array(6).fill(20) })),
      'gain and an even filter agree',
    );
    const masked = { bandMasks: Int32Array.of(0, 16, 0, 16) };
    near(await lossOf(plan([0, 1], masked)), await lossOf(plan([2, 2], masked)), 'what is masked does not matter');
    near(
      await lossOf(plan([0, 1], { frameMasks: Int32Array.of(0, 99, -5, 99) })),
      await lossOf(plan([0, 1], masked)),
      'masks in time and frequency both leave the mean',
    );
    const noisy = await lossOf(plan([0, 1], { noiseSnrDb: Float32Array.of(0, 0) }));
    assert.ok(Math.abs(noisy - plain) > 1e-4 * plain);
    near(await lossOf(plan([0, 1], { noiseSnrDb: Float32Array.of(90, 90) })), plain, 'noise far below the clip');
  }));

test('plans that cannot be meant are refused by name', () =>
  withShards(async (shards) => {
    using trainer = await Trainer.create(trainerOptions({}), shards);
    const plan = plainPlan([0, 1], [0, 0], rate, 3);
    const step = (changes: Partial<BatchPlan>) => trainer.step({ ...plan, ...changes }, { learningRate });
    await rejects(
      step({ recording: Int32Array.of(0, 7) }),
      'Expected an integer from 0 to 2 for recording but received 7',
    );
    await rejects(step({ gain: new Float32Array(1) }), 'Expected 2 values for gain but received 1');
    await rejects(step({ target: new Float32Array(5) }), 'Expected 6 values for target but received 5');
    await rejects(step({ startSample: Float64Array.of(0, Number.NaN) }), /for startSample but received nan/);
    for (const clipSamples of [0, 2 ** 28 + 1, 2 ** 31]) {
      await rejects(
        step({ clipSamples }),
        `Expected an integer from 1 to 2^28 for clipSamples but received ${clipSamples}`,
      );
    }
    await rejects(
      step({ filterDb: Float32Array.of(0, Number.NaN) }),
      'Expected numbers from -300 to 300 for filterDb but received nan',
    );
    await rejects(
      step({ noiseSnrDb: Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY) }),
      'Expected numbers from -300 to 300 for noiseSnrDb but received -inf',
    );
    for (const name of ['bandMasks', 'frameMasks'] as const) {
      await rejects(
        step({ [name]: Int32Array.of(0, 1, 2 ** 31 - 1, 2 ** 31 - 1) }),
        `Expected integers from -2^28 to 2^28 for ${name} but received 2147483647`,
      );
    }
    await rejects(
      step({ startSample: Float64Array.of(0, -9e14) }),
      'Expected a number from -2^48 to 2^48 for startSample but received -9e+14',
    );
    await rejects(
      step({ mixRecording: Int32Array.of(-1, 0), mixStartSample: Float64Array.of(0, 9e14) }),
      'Expected a number from -2^48 to 2^48 for mixStartSample but received 9e+14',
    );
    await rejects(
      step({ gain: Float32Array.of(1, 1e30) }),
      /^Expected a number from -1e6 to 1e6 for gain but received 1.*e\+30$/,
    );
    await rejects(step({ clipSamples: 100 }), /survive 2 halvings in the stem but received 16 bands by 1 frames/);
    await rejects(step({ clipSamples: rate * 20 }), /at most 64 frames after the stem \(model.maxLen\)/);
    await rejects(step({ gain: new Float64Array(2) as never }), /Expected a Float32Array for plan.gain/);
    await rejects(
      trainer.step(plan, { learningRate: -1 }),
      /Expected a number not below 0 for learningRate but received -1/,
    );
  }));

test('evaluation uses the averaged weights and gives what the engine gives, however it is batched', () =>
  withShards(async (shards) => {
    const options = trainerOptions({ emaDecay: 0.9, loaderThreads: 2 });
    using trainer = await Trainer.create(options, shards);
    for (let step = 0; step < 3; step++) await trainer.step(wildPlan(step), { learningRate });
    const starts = Array.from({ length: 7 }, (_, i) => i * 3000 - 1000);
    const clips = { recording: new Int32Array(7).fill(1), startSample: Float64Array.from(starts), clipSamples: rate };
    const [one, many] = [await trainer.evaluate(clips, 1), await trainer.evaluate(clips, 5)];
    using engine = await Engine.create(engineOptions(options), await trainer.exportState(false));
    const whole = await engine.forwardPcm(await shards.readPcm(1, 0, 4 * rate), clips.startSample, rate, true);
    for (const other of [many, whole]) {
      closeTo(other.logits, one.logits, 1e-5);
      closeTo(other.activity, one.activity, 1e-6);
    }
    assert.is(one.embeddings, null);
    assert.is(whole.embeddings?.length, 7 * 16);
  }));

test('abort rejects what is queued, and the trainer goes on as if it had never been', () =>
  withShards(async (shards) => {
    using trainer = await Trainer.create(trainerOptions({}), shards);
    const before = await trainer.exportState(true);
    const steps = Array.from({ length: 40 }, (_, i) => trainer.step(wildPlan(i), { learningRate }));
    trainer.abort();
    const outcomes = await Promise.allSettled(steps);
    const codes = new Set(outcomes.map((o) => (o.status === 'rejected' ? (o.reason as AutobirdError).code : 'done')));
    assert.ok(codes.has('aborted'));
    assert.is(outcomes.filter((o) => o.status === 'rejected' && o.reason.code !== 'aborted').length, 0);
    if (!codes.has('done')) assert.equal(await trainer.exportState(true), before);
    assert.ok((await trainer.step(wildPlan(0), { learningRate })).loss > 0);
  }));

test('a signal stops an evaluation with its own reason', () =>
  withShards(async (shards) => {
    using trainer = await Trainer.create(trainerOptions({}), shards);
    const clips = { recording: new Int32Array(9000), startSample: new Float64Array(9000), clipSamples: rate };
    const controller = new AbortController();
    const running = trainer.evaluate(clips, 8, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await rejects(running, 'enough');
    assert.is(
      (await trainer.evaluate({ ...clips, recording: new Int32Array(2), startSample: new Float64Array(2) }, 8)).activity
        .length,
      2,
    );
  }));

for (const precision of ['bf16', 'fp16'] as const) {
  test(`${precision} learns what f32 learns, about as fast`, async () => {
    const losses: Record<string, number> = {};
    for (const each of ['f32', precision] as const) {
      using trainer = await Trainer.create(
        trainerOptions({ model: withoutDropout, precision: each, gradClip: 1 }),
        null,
      );
      const { features, target } = formulaBatch(0, shape);
      let result: StepResult | undefined;
      for (let step = 0; step < 15; step++) {
        result = await trainer.stepFeatures(features, target, shape.rows, { learningRate: 3e-3 });
        assert.is(result.skipped, false);
      }
      losses[each] = result?.loss ?? Number.NaN;
      assert.is(result?.lossScale, each === 'fp16' ? 65536 : 1);
    }
    const [exact, coarse] = [losses['f32'] as number, losses[precision] as number];
    assert.ok(Math.abs(coarse - exact) < 0.05 * exact, `${coarse} beside ${exact}`);
  });
}

test('fp16 skips a step whose gradients overflow and halves the loss scale', async () => {
  using trainer = await Trainer.create(trainerOptions({ precision: 'fp16' }), null);
  const { features, target } = formulaBatch(0, shape);
  const step = (x: Float32Array) => trainer.stepFeatures(x, target, shape.rows, { learningRate });
  await step(features);
  const state = (await trainer.exportState(true)).find(({ name }) => name === 'optimizer.step');
  const overflow = await step(features.map((v) => v * 1e5));
  assert.is(overflow.skipped, true);
  assert.is((await step(features)).lossScale, 32768);
  const after = (await trainer.exportState(true)).find(({ name }) => name === 'optimizer.step');
  assert.is((after?.data[0] ?? 0) - (state?.data[0] ?? 0), 1);
  for (const tensor of await trainer.exportState(false)) {
    assert.ok(floats(tensor).every(Number.isFinite), tensor.name); // running statistics too
  }
});

test('fp16 that overflows at every scale has diverged', async () => {
  using trainer = await Trainer.create(trainerOptions({ precision: 'fp16' }), null);
  const { features, target } = formulaBatch(0, shape);
  features[5] = Number.NaN;
  let skipped = 0;
  const steps = async () => {
    for (; skipped < 100; skipped++) await trainer.stepFeatures(features, target, shape.rows, { learningRate });
  };
  await rejects(steps(), /^Loss or gradients are no longer finite after 0 steps/);
  assert.is(skipped, 29);
});

test('training that diverges says so and keeps the network', async () => {
  using trainer = await Trainer.create(trainerOptions({}), null);
  const { features, target } = formulaBatch(0, shape);
  const before = await trainer.exportState(true);
  features[5] = Number.POSITIVE_INFINITY;
  await rejects(
    trainer.stepFeatures(features, target, shape.rows, { learningRate }),
    /^Loss or gradients are no longer finite after 0 steps: lower optimizer.lr/,
  );
  assert.equal(await trainer.exportState(true), before);
});

test('a damaged state is refused by name and changes nothing', async () => {
  using trainer = await Trainer.create(trainerOptions({ emaDecay: 0.9 }), null);
  using other = await Trainer.create(trainerOptions({ emaDecay: 0.9, seed: 2 }), null);
  const before = await trainer.exportState(true);
  const state = await other.exportState(true);
  const without = (name: string) => state.filter((tensor) => tensor.name !== name);
  const change = (name: string, changes: object) => state.map((t) => (t.name === name ? { ...t, ...changes } : t));
  await rejects(trainer.importState(without('model.head.bias')), /^Tensor model.head.bias is missing/);
  await rejects(trainer.importState(without('current.head.bias')), /^Tensor current.head.bias is missing/);
  await rejects(trainer.importState(without('optimizer.exp_avg.head.bias')), /^Tensor optimizer.exp_avg.head.bias is/);
  await rejects(
    trainer.importState(change('model.head.bias', { shape: [4] })),
    'Tensor model.head.bias says shape (4) but holds 12 bytes',
  );
  await rejects(
    trainer.importState(change('model.head.bias', { shape: [1, 3] })),
    /^Tensor model.head.bias has shape \(1, 3\) but the network needs \(3\)/,
  );
  await rejects(
    trainer.importState(change('model.head.bias', { dtype: 'F31' })),
    'Tensor model.head.bias has the unknown dtype F31',
  );
  await rejects(
    trainer.importState(change('optimizer.step', { data: new Uint8Array(8).fill(255) })),
    'Tensor optimizer.step is -1, which counts steps: the file is damaged',
  );
  await rejects(
    trainer.importState([...state, { name: 'model.tail', dtype: 'F32', shape: [0], data: new Uint8Array() }]),
    /^Tensor model.tail is not part of the network/,
  );
  assert.equal(await trainer.exportState(true), before);
  await trainer.importState(state);
  assert.equal(await trainer.exportState(true), state);
});

test('weights alone go on with a fresh optimizer', async () => {
  using trainer = await Trainer.create(trainerOptions({}), null);
  const { features, target } = formulaBatch(0, shape);
  await trainer.stepFeatures(features, target, shape.rows, { learningRate });
  const weights = await trainer.exportState(false);
  using next = await Trainer.create(trainerOptions({ emaDecay: 0.5, seed: 9 }), null);
  await next.importState([...weights, { name: 'statistics.mean', dtype: 'F32', shape: [0], data: new Uint8Array() }]);
  const state = await next.exportState(true);
  assert.equal(state.slice(0, weights.length), weights);
  assert.equal(state.find(({ name }) => name === 'optimizer.step')?.data, new Uint8Array(8));
});

function closeTo(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.is(actual.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((actual[i] as number) - value) <= tolerance, `${i}: ${actual[i]} is not ${value}`);
}

test.run();
