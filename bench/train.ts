/**
 * Training samples/s of the reference network on ready features, against PyTorch's eager loop in the same run: windows
 * alternate, medians are quoted. On a GPU the features come from the host's memory at every step, on both sides.
 */
import { type Device, type Precision, runtimeInfo, Trainer } from '../bindings/index.ts';
import { machine, median, printTable } from './machine.ts';
import { Opponent } from './opponent.ts';

const classes = 19;
const mels = 64;
const frames = 157;

// glibc keeps big blocks instead of returning them to the kernel: what a knowing PyTorch user sets.
const mallocEnv = { MALLOC_MMAP_THRESHOLD_: '4294967295', MALLOC_TRIM_THRESHOLD_: '8589934592' };

interface Contestant {
  readonly name: string;
  window(seconds: number): Promise<number>;
  stop(): void;
}

interface TrainBench {
  readonly rounds: number;
  readonly windowS: number;
  readonly threads: number;
  readonly device: Device;
}

async function opponent(variant: string, batch: number, { threads, device }: TrainBench): Promise<Contestant> {
  const env: Record<string, string> = variant === 'plain' ? {} : mallocEnv;
  const process = await Opponent.start(
    'train.py',
    ['--variant', variant, '--batch', String(batch), '--threads', String(threads), '--device', device],
    env,
  );
  return {
    name: `PyTorch ${variant}`,
    window: async (seconds) => (await process.request({ seconds }))['samples_per_s'] ?? Number.NaN,
    stop: () => process.stop(),
  };
}

async function ours(precision: Precision, batch: number, { threads, device }: TrainBench): Promise<Contestant> {
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
  return {
    name: `autobird ${precision}`,
    window: async (seconds) => {
      const begin = performance.now();
      let steps = 0;
      while (performance.now() - begin < seconds * 1000) {
        await step();
        steps++;
      }
      return (steps * batch) / ((performance.now() - begin) / 1000);
    },
    stop: () => trainer.dispose(),
  };
}

/** Rounds of alternating windows for each batch size; ratios are against the plain eager loop of the same batch. */
export async function benchTrain(options: TrainBench): Promise<unknown> {
  const results = [];
  const fast = options.device === 'cuda' ? 'fp16' : 'bf16';
  for (const batch of options.device === 'cuda' ? [64, 512] : [16, 64]) {
    const contestants = [
      await opponent('plain', batch, options),
      await ours('f32', batch, options),
      await opponent('tuned-f32', batch, options),
      await opponent(`tuned-${fast}`, batch, options),
      await ours(fast, batch, options),
    ];
    const rates = contestants.map((): number[] => []);
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, contestant] of contestants.entries()) rates[i]?.push(await contestant.window(options.windowS));
    }
    for (const contestant of contestants) contestant.stop();
    const plain = median(rates[0] ?? []);
    for (const [i, contestant] of contestants.entries()) {
      const of = rates[i] ?? [];
      results.push({ batch, name: contestant.name, samplesPerS: median(of), ratio: median(of) / plain, windows: of });
    }
  }
  const where = options.device === 'cuda' ? runtimeInfo().cudaDevices[0]?.name : machine().cpu;
  console.log(`Training the reference network, ${options.threads} threads, ${where}`);
  printTable(
    ['batch', 'who', 'samples/s', 'ratio', 'windows'],
    results.map((r) => [
      String(r.batch),
      r.name,
      r.samplesPerS.toFixed(0),
      r.ratio.toFixed(2),
      r.windows.map((w) => w.toFixed(0)).join(' '),
    ]),
  );
  return { machine: machine(), device: where, threads: options.threads, results };
}
