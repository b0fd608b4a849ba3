import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, type EngineOutput, LogMel, type NamedTensor, Trainer } from '../../bindings/index.ts';
import { formulaValues, formulaWeights } from '../helpers/modelFormula.ts';
import { rejects } from '../helpers/rejects.ts';
import { recordingOf } from '../helpers/shards.ts';
import { engineOptions, tinyFeatures, trainerOptions } from '../helpers/tinyNetwork.ts';

const rate = tinyFeatures.sampleRateHz;
const options = trainerOptions({});
const samples = recordingOf(1, 8, rate);
const starts = Float64Array.from({ length: 40 }, (_, i) => i * 1500 - 2000);

async function weights(of = options): Promise<NamedTensor[]> {
  using trainer = await Trainer.create(of, null);
  return formulaWeights(await trainer.exportState(false));
}

for (const name of ['tiny', 'reference', 'default'] as const) {
  const reference = {
    stem: 'plain',
    stemChannels: [32, 64],
    frequencyPooling: 'mean',
    dModel: 64,
    ffDim: 2048,
    pooling: 'attention',
  } as const;
  const standard = { stem: 'residual', stemChannels: [24, 48, 96], dModel: 96, ffDim: 192 } as const;
  const changes = { tiny: {}, reference, default: standard }[name];
  test(`the ${name} network scores a clip alike whatever it is batched with`, async () => {
    const own = trainerOptions({ model: { ...options.model, ...changes }, threads: 2 });
    using engine = await Engine.create(engineOptions(own), await weights(own));
    const together = await engine.forwardPcm(samples, starts, rate, true);
    const parts: EngineOutput[] = [];
    for (let i = 0; i < starts.length; i += 13)
      parts.push(await engine.forwardPcm(samples, starts.slice(i, i + (i % 2 ? 13 : 1)), rate, true));
    for (const [p, part] of parts.entries()) {
      const rows = part.activity.length;
      const at = p * 13;
      closeTo(part.logits, together.logits.subarray(at * 3, (at + rows) * 3), 1e-5);
      closeTo(part.activity, together.activity.subarray(at, at + rows), 0);
      closeTo(part.peak, together.peak.subarray(at, at + rows), 0);
      const width = own.model.dModel;
      closeTo(
        part.embeddings as Float32Array,
        (together.embeddings as Float32Array).subarray(at * width, (at + rows) * width),
        1e-5,
      );
    }
  });
}

test('samples and ready features give the same scores', async () => {
  using engine = await Engine.create(engineOptions(options), await weights());
  using logMel = new LogMel(tinyFeatures);
  const { data } = await logMel.compute(samples.slice(3000, 3000 + rate));
  const ready = await engine.forwardFeatures(data, 1, false);
  const heard = await engine.forwardPcm(samples, Float64Array.of(3000), rate, false);
  closeTo(ready.logits, heard.logits, 1e-6);
  assert.is(ready.embeddings, null);
  assert.equal(ready.activity, new Float32Array(1));
  assert.ok(Number.isNaN(ready.peak[0]));
});

test('what drift detection keeps is that of the log-mel before background removal and normalisation', async () => {
  using logMel = new LogMel(tinyFeatures);
  const { data } = await logMel.compute(samples.slice(3000, 3000 + rate));
  const frames = data.length / tinyFeatures.nMels;
  const energy = Float64Array.from({ length: frames }, (_, frame) => {
    let power = 0;
    for (let i = frame; i < data.length; i += frames) power += Math.exp(data[i] as number) - tinyFeatures.logOffset;
    return Math.log(power + 1e-6);
  });
  const wanted = { driftFeatures: true };
  for (const background of ['none', 'median', 'pcen'] as const) {
    const own = { ...options, features: { ...tinyFeatures, background } };
    using engine = await Engine.create(engineOptions(own), await weights());
    const { driftFeatures } = await engine.forwardPcm(samples, Float64Array.of(1e9, 3000), rate, false, wanted);
    const silence = Math.log(tinyFeatures.logOffset);
    closeTo(driftFeatures, Float32Array.of(silence, 0, Math.log(1e-6), 0, ...moments(data), ...moments(energy)), 1e-4);
    using alone = new LogMel(own.features);
    closeTo(await alone.driftFeatures(samples, Float64Array.of(1e9, 3000), rate), driftFeatures, 0);
  }
  using engine = await Engine.create(engineOptions(options), await weights());
  assert.is((await engine.forwardPcm(samples, Float64Array.of(3000), rate, false)).driftFeatures.length, 0);
  assert.is((await engine.forwardFeatures(data, 1, false)).driftFeatures.length, 0);
});

test('the peak of a clip is its largest absolute sample', async () => {
  using engine = await Engine.create(engineOptions(options), await weights());
  const marked = samples.map((sample) => 0.1 * sample);
  marked[rate + 7] = -0.75;
  const { peak } = await engine.forwardPcm(marked, Float64Array.of(0, rate, 10 * marked.length), rate, false);
  const largest = (from: number) =>
    Math.max(...Array.from(marked.subarray(from, from + rate), (sample) => Math.abs(sample)));
  assert.equal([...peak], [largest(0), 0.75, 0]);
});

test('a stretch is zero beyond its ends', async () => {
  using engine = await Engine.create(engineOptions(options), await weights());
  const padded = new Float32Array(rate);
  padded.set(samples.subarray(0, 5000), 3000);
  const direct = await engine.forwardPcm(samples.slice(0, 5000), Float64Array.of(-3000), rate, false);
  closeTo(direct.logits, (await engine.forwardPcm(padded, Float64Array.of(0), rate, false)).logits, 0);
  const nothing = await engine.forwardPcm(new Float32Array(), Float64Array.of(0, 1e9, -1e9), rate, false);
  assert.equal(nothing.activity, new Float32Array(3));
  assert.is((await engine.forwardPcm(samples, new Float64Array(), rate, true)).logits.length, 0);
});

test('lower precision changes scores a little', async () => {
  const state = await weights();
  using exact = await Engine.create(engineOptions(options), state);
  const expected = (await exact.forwardPcm(samples, starts, rate, false)).logits;
  for (const precision of ['bf16', 'fp16'] as const) {
    using engine = await Engine.create({ ...engineOptions(options), precision }, state);
    const { logits } = await engine.forwardPcm(samples, starts, rate, false);
    assert.not.equal(logits, expected);
    closeTo(logits, expected, precision === 'bf16' ? 0.05 : 0.01);
  }
});

test('the names of the tensors are those of docs/model.md', async () => {
  assert.equal(
    (await weights()).map(({ name }) => name),
    `stem.0.down.conv.weight stem.0.down.conv.bias stem.0.down.norm.weight stem.0.down.norm.bias
     stem.0.down.norm.running_mean stem.0.down.norm.running_var stem.1.down.conv.weight stem.1.down.conv.bias
     stem.1.down.norm.weight stem.1.down.norm.bias stem.1.down.norm.running_mean stem.1.down.norm.running_var
     project.weight project.bias position norm.weight norm.bias layers.0.norm1.weight layers.0.norm1.bias
     layers.0.attention.in.weight layers.0.attention.in.bias layers.0.attention.out.weight layers.0.attention.out.bias
     layers.0.norm2.weight layers.0.norm2.bias layers.0.linear1.weight layers.0.linear1.bias layers.0.linear2.weight
     layers.0.linear2.bias final_norm.weight final_norm.bias pooling.hidden.weight pooling.hidden.bias
     pooling.score.weight pooling.score.bias head.weight head.bias`
      .split(/\s+/)
      .map((name) => `model.${name}`),
  );
});

test('weights of another network are refused by name', async () => {
  const state = await weights();
  const [first, ...rest] = state as [NamedTensor, ...NamedTensor[]];
  await rejects(
    Engine.create(engineOptions(options), rest),
    'Tensor model.stem.0.down.conv.weight is missing: the file was made by a network with other options, or is damaged',
  );
  await rejects(
    Engine.create(engineOptions(options), [{ ...first, dtype: 'I32' }, ...rest]),
    /has shape \(4, 1, 3, 3\) but the network needs \(4, 1, 3, 3\) of floating point/,
  );
  const statistics = { mean: new Float32Array(16), std: new Float32Array(16) };
  await rejects(
    Engine.create({ ...engineOptions(options), statistics }, state),
    'Expected positive numbers for statistics.std but received 0',
  );
  await rejects(
    Engine.create({ ...engineOptions(options), threads: 0 }, state),
    'Expected an integer from 1 to 1024 for threads but received 0 of type number',
  );
});

test('numbers that cannot be meant are named before memory is taken for them', async () => {
  using engine = await Engine.create(engineOptions(options), await weights());
  const before = process.resourceUsage().maxRSS;
  await rejects(
    engine.forwardFeatures(new Float32Array(16), 2 ** 30, false),
    'Expected rows * 16 bands * frames values for features but received 16 values for 1073741824 rows',
  );
  assert.ok(process.resourceUsage().maxRSS - before < 1e6, 'KiB taken for rows that are not there');
  await rejects(
    engine.forwardPcm(samples, Float64Array.of(-9e14), rate, false),
    'Expected a number from -2^48 to 2^48 for startSample but received -9e+14',
  );
});

test('a small file that says it is a huge network is refused before memory is taken for it', async () => {
  const state = await weights();
  const before = process.memoryUsage().rss;
  const huge = { ...options.model, dModel: 4096, nHeads: 4, ffDim: 4096, nLayers: 1 }; // 0.6 GB
  await rejects(
    Engine.create(engineOptions({ ...options, model: huge }), []),
    /^Tensor model.stem.0.down.conv.weight is missing/,
  );
  await rejects(
    Engine.create(engineOptions({ ...options, model: huge }), state),
    /^Tensor model.project.weight has shape \(16, 16\) but the network needs \(4096, 16\)/,
  );
  for (const model of [
    { ...huge, nLayers: 64 },
    { ...huge, dModel: 8192, maxLen: 65536 },
  ]) {
    await rejects(
      Engine.create(engineOptions({ ...options, model }), []),
      /^Expected model options for at most 268435456 weights but received options for \d+: use a smaller model.dModel/,
    );
  }
  await rejects(
    Engine.create(engineOptions({ ...options, model: { ...huge, nLayers: 65 } }), []),
    'Expected an integer from 0 to 64 for model.nLayers but received 65',
  );
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test('features that are not rows of the network are refused', async () => {
  using engine = await Engine.create(engineOptions(options), await weights());
  for (const [values, rows] of [
    [100, 3],
    [0, 1],
    [16 * 51, 0],
  ] as const) {
    const error = await engine.forwardFeatures(formulaValues(1, values), rows, false).catch((reason) => reason);
    assert.match(error.message, /^Expected (rows \* 16 bands \* frames values for features|an integer from 1)/);
  }
});

/** Mean and population standard deviation. */
function moments(values: Float32Array | Float64Array): [number, number] {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return [mean, Math.sqrt(squares / values.length)];
}

function closeTo(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.is(actual.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((actual[i] as number) - value) <= tolerance, `${i}: ${actual[i]} is not ${value}`);
}

test.run();
