import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, type ModelOptions, runtimeInfo, Trainer } from '../../bindings/index.ts';
import { formulaBatch, formulaWeights } from '../helpers/modelFormula.ts';
import { engineOptions, tinyModel, trainerOptions } from '../helpers/tinyNetwork.ts';

interface Golden {
  readonly model: ModelOptions;
  readonly classes: number;
  readonly rows: number;
  readonly mels: number;
  readonly frames: number;
}

const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('../fixtures/model/goldens.json', import.meta.url), 'utf8'),
);
const learningRate = 1e-3;

if (!runtimeInfo().cudaAvailable) console.log('# skip: there is no GPU here, CUDA is not tried');
else addTests();
test.run();

function addTests(): void {
  for (const [name, golden] of Object.entries(goldens)) {
    const { model, classes, mels } = golden;
    const onCpu = trainerOptions({ model, classes, mels, gradClip: 1 });
    const onGpu = { ...onCpu, device: 'cuda' } as const;

    for (const [precision, tolerance] of [
      ['f32', 1e-4],
      ['bf16', 5e-2],
      ['fp16', 2e-2],
    ] as const) {
      test(`the ${name} network scores on the GPU in ${precision} as it does on the CPU`, async () => {
        using trainer = await Trainer.create(onCpu, null);
        const weights = formulaWeights(await trainer.exportState(false));
        const { features } = formulaBatch(0, golden);
        using cpu = await Engine.create(engineOptions(onCpu), weights);
        using gpu = await Engine.create({ ...engineOptions(onGpu), precision }, weights);
        const expected = await cpu.forwardFeatures(features, golden.rows, true);
        const actual = await gpu.forwardFeatures(features, golden.rows, true);
        closeTo(actual.logits, expected.logits, tolerance);
        closeTo(actual.embeddings as Float32Array, expected.embeddings as Float32Array, tolerance);
      });

      test(`the ${name} network learns on the GPU in ${precision} what it learns on the CPU`, async () => {
        const losses = [];
        for (const options of [onCpu, { ...onGpu, precision }]) {
          using trainer = await Trainer.create(options, null);
          await trainer.importState(formulaWeights(await trainer.exportState(false)));
          const steps = [0, 1, 0, 1].map((batch) => {
            const { features, target } = formulaBatch(batch, golden);
            return trainer.stepFeatures(features, target, golden.rows, { learningRate });
          });
          const results = await Promise.all(steps);
          assert.not(results.some(({ skipped }) => skipped));
          losses.push(Float32Array.from(results, ({ loss }) => loss));
        }
        const [expected, actual] = losses as [Float32Array, Float32Array];
        closeTo(actual.slice(0, 1), expected.slice(0, 1), tolerance);
        // Adam divides by gradients near 0, so that later steps part by more than rounding.
        closeTo(actual, expected, 20 * tolerance);
      });
    }
  }

  test('dropout on the GPU follows from the seed and the step', async () => {
    const shape = { rows: 6, mels: 16, frames: 51, classes: 3 };
    const { features, target } = formulaBatch(0, shape);
    const options = trainerOptions({ device: 'cuda', model: { ...tinyModel, stemDropout: 0.5, dropout: 0.5 } });
    const lossesOf = async (seed: number) => {
      using trainer = await Trainer.create({ ...options, seed }, null);
      await trainer.importState(formulaWeights(await trainer.exportState(false)));
      const step = async () => (await trainer.stepFeatures(features, target, shape.rows, { learningRate: 0 })).loss;
      return Float32Array.of(await step(), await step());
    };
    const first = await lossesOf(1);
    closeTo(await lossesOf(1), first, 1e-4);
    assert.ok(Math.abs((first[0] as number) - (first[1] as number)) > 1e-3, 'another step drops others');
    assert.ok(Math.abs((first[0] as number) - ((await lossesOf(2))[0] as number)) > 1e-3, 'another seed drops others');
  });

  test('a batch that the memory of the GPU cannot hold fails by itself', async () => {
    const options = trainerOptions({ device: 'cuda', model: { ...tinyModel, stemChannels: [256, 256] } });
    using trainer = await Trainer.create(options, null);
    const shape = { rows: 6, mels: 16, frames: 51, classes: 3 };
    const { features, target } = formulaBatch(0, shape);
    const rows = Math.ceil((runtimeInfo().cudaDevices[0]?.totalBytes ?? 0) / (16 * 51 * 256 * 4));
    const many = new Float32Array(rows * 16 * 51);
    try {
      await trainer.stepFeatures(many, new Float32Array(rows * 3), rows, { learningRate });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /memory/);
    }
    assert.ok((await trainer.stepFeatures(features, target, shape.rows, { learningRate })).loss > 0);
  });

  test('a state goes from the GPU to the GPU and to the CPU unchanged', async () => {
    const shape = { rows: 6, mels: 16, frames: 51, classes: 3 };
    const options = trainerOptions({ device: 'cuda', emaDecay: 0.9 });
    using first = await Trainer.create(options, null);
    const { features, target } = formulaBatch(0, shape);
    for (let step = 0; step < 3; step++) await first.stepFeatures(features, target, shape.rows, { learningRate });
    const state = await first.exportState(true);
    for (const device of ['cuda', 'cpu'] as const) {
      using second = await Trainer.create({ ...options, device, seed: 2 }, null);
      await second.importState(state);
      assert.equal(await second.exportState(true), state);
      assert.ok((await second.stepFeatures(features, target, shape.rows, { learningRate })).loss > 0);
    }
  });
}

function closeTo(actual: Float32Array, expected: Float32Array, tolerance: number): void {
  assert.is(actual.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((actual[i] as number) - value) <= tolerance, `${i}: ${actual[i]} is not ${value}`);
}
