import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, type ModelOptions, Trainer } from '../../bindings/index.ts';
import { formulaBatch, formulaWeights } from '../helpers/modelFormula.ts';
import { rejects } from '../helpers/rejects.ts';
import { engineOptions, floats, trainerOptions } from '../helpers/tinyNetwork.ts';

interface Golden {
  readonly model: ModelOptions;
  readonly classes: number;
  readonly rows: number;
  readonly mels: number;
  readonly frames: number;
  readonly learningRate: number;
  readonly logits: readonly number[];
  readonly gradients: Readonly<Record<string, { norm: number; stride: number; values: readonly number[] }>>;
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
}

const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('../fixtures/model/goldens.json', import.meta.url), 'utf8'),
);
assert.equal(Object.keys(goldens), ['reference', 'default']);

for (const [name, golden] of Object.entries(goldens)) {
  const options = trainerOptions({
    model: golden.model,
    classes: golden.classes,
    mels: golden.mels,
    optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 1e-4 },
    gradClip: 1,
  });

  test(`the ${name} network gives PyTorch's scores for PyTorch's weights`, async () => {
    using trainer = await Trainer.create(options, null);
    using engine = await Engine.create(engineOptions(options), formulaWeights(await trainer.exportState(false)));
    const { logits } = await engine.forwardFeatures(formulaBatch(0, golden).features, golden.rows, false);
    assert.is(logits.length, golden.rows * golden.classes);
    for (const [i, expected] of golden.logits.entries()) near(logits[i], expected, 1e-5, `logit ${i}`);
  });

  test(`the ${name} network gives PyTorch's gradients`, async () => {
    using trainer = await Trainer.create(options, null);
    await trainer.importState(formulaWeights(await trainer.exportState(false)));
    const { features, target } = formulaBatch(0, golden);
    const gradients = await trainer.gradients(features, target, golden.rows);
    assert.equal(gradients.map((g) => g.name).sort(), Object.keys(golden.gradients).sort());
    // The bias of a convolution before a batch norm has no gradient but rounding: it is held against all the others.
    const overall = Math.hypot(...Object.values(golden.gradients).map((g) => g.norm));
    for (const gradient of gradients) {
      const expected = golden.gradients[gradient.name];
      assert.ok(expected);
      const values = floats(gradient);
      const largest = Math.max(...expected.values.map(Math.abs), 1e-3 * overall);
      for (const [k, value] of expected.values.entries())
        near(values[k * expected.stride], value, 1e-4 * largest, `${gradient.name}[${k * expected.stride}]`);
      near(norm(values), expected.norm, 1e-4 * Math.max(expected.norm, 1e-3 * overall), gradient.name);
    }
  });

  test(`ten steps of the ${name} network have PyTorch's losses`, async () => {
    using trainer = await Trainer.create(options, null);
    await trainer.importState(formulaWeights(await trainer.exportState(false)));
    for (const [step, loss] of golden.losses.entries()) {
      const { features, target } = formulaBatch(step % 2, golden);
      const result = await trainer.stepFeatures(features, target, golden.rows, { learningRate: golden.learningRate });
      near(result.loss, loss, 1e-4 * loss, `loss of step ${step}`);
      if (step === 0) near(result.gradNorm, golden.gradNorms[0] as number, 1e-4 * result.gradNorm, 'gradient norm');
    }
    assert.ok((golden.losses.at(-1) as number) < (golden.losses[0] as number));
  });
}

test('initial weights follow from the seed alone', async () => {
  const [a, b, c] = await Promise.all(
    [1, 1, 2].map(async (seed) => {
      using trainer = await Trainer.create(trainerOptions({ seed }), null);
      return await trainer.exportState(false);
    }),
  );
  assert.equal(a, b);
  assert.not.equal(a, c);
});

test('a model option out of range is named', async () => {
  const model = trainerOptions({}).model;
  await rejects(
    Trainer.create(trainerOptions({ model: { ...model, nHeads: 5 } }), null),
    'Expected a divisor of model.dModel (16) for model.nHeads but received 5',
  );
  await rejects(
    Trainer.create(trainerOptions({ model: { ...model, stem: 'deep' as 'plain' } }), null),
    'Expected plain or residual for model.stem but received "deep"',
  );
});

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function near(actual: number | undefined, expected: number, tolerance: number, what: string): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual} is not ${expected} within ${tolerance}`,
  );
}

test.run();
