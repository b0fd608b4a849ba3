/**
 * Training windows of a built autobird on demand, as python/train.py has those of PyTorch: reads `{"seconds": s}` lines
 * and writes `{"samples_per_s": …}` lines.
 *
 *     node --import tsx bench/trainWindows.ts FOLDER PRECISION BATCH THREADS DEVICE
 */
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type * as Bindings from '../bindings/index.ts';

const classes = 19;
const mels = 64;
const frames = 157;

const [folder, precision, batchText, threadsText, device] = process.argv.slice(2) as [
  string,
  Bindings.Precision,
  string,
  string,
  Bindings.Device,
];
const [batch, threads] = [Number(batchText), Number(threadsText)];
const { Trainer } = (await import(pathToFileURL(`${folder}/dist/bindings/index.js`).href)) as typeof Bindings;
const trainer = await Trainer.create(
  {
    model: {
      stem: 'plain',
      stemChannels: [32, 64],
      stemDropout: 0.25,
      frequencyPooling: 'mean',
      dModel: 64,
      nHeads: 2,
      nLayers: 1,
      ffDim: 2048,
      dropout: 0.1,
      pooling: 'attention',
      maxLen: 512,
    },
    features: {
      sampleRateHz: 16000,
      nFft: 1024,
      hopSamples: 512,
      nMels: mels,
      fMinHz: 20,
      fMaxHz: 8000,
      logOffset: 1e-6,
      background: 'none',
    },
    classes,
    statistics: { mean: new Float32Array(mels), std: new Float32Array(mels).fill(1) },
    optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 1e-4 },
    gradClip: 1,
    emaDecay: 0,
    seed: 0,
    device,
    precision,
    threads,
    loaderThreads: 1,
  },
  null,
);
const features = Float32Array.from({ length: batch * mels * frames }, () => Math.random() * 2 - 1);
const target = new Float32Array(batch * classes);
for (let row = 0; row < batch; row++) target[row * classes + (row % classes)] = 1;
const step = () => trainer.stepFeatures(features, target, batch, { learningRate: 3e-4 });
for (let i = 0; i < 3; i++) await step();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const { seconds } = JSON.parse(line) as { readonly seconds: number };
  const begin = performance.now();
  let steps = 0;
  while (performance.now() - begin < seconds * 1000) {
    await step();
    steps++;
  }
  console.log(JSON.stringify({ samples_per_s: (steps * batch) / ((performance.now() - begin) / 1000) }));
}
trainer.dispose();
