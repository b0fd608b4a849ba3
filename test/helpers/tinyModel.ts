import { Trainer } from '../../bindings/index.ts';
import type { FeatureOptions, ModelOptions } from '../../bindings/native.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import type { Aggregation } from '../../src/domain.ts';
import { chirpInNoise } from './signal.ts';

const features: FeatureOptions = {
  sampleRateHz: 16000,
  nFft: 512,
  hopSamples: 256,
  nMels: 32,
  fMinHz: 50,
  fMaxHz: 8000,
  logOffset: 1e-6,
  background: 'none',
};

const model: ModelOptions = {
  stem: 'residual',
  stemChannels: [4, 8, 8],
  stemDropout: 0,
  frequencyPooling: 'mean_max',
  dModel: 8,
  nHeads: 2,
  nLayers: 1,
  ffDim: 16,
  dropout: 0,
  pooling: 'attention',
  maxLen: 128,
};

export interface TinyModelOptions {
  readonly labels?: readonly string[];
  readonly noEventLabels?: readonly string[];
  readonly aggregation?: Aggregation;
  readonly seed?: number;
  /** Below 1 the untrained network becomes sure of something. */
  readonly temperature?: number;
}

/** A checkpoint of a small network as it is before training: clips of 1 s every 0.5 s. Its predictions mean nothing, but are its own. */
export async function writeTinyModel(path: string, options: TinyModelOptions = {}): Promise<string> {
  const { labels = ['wren', 'robin', 'noise'], noEventLabels = ['noise'], aggregation = 'mean', seed = 7 } = options;
  const statistics = { mean: new Float32Array(32).fill(-6), std: new Float32Array(32).fill(3) };
  using trainer = await Trainer.create(
    {
      model,
      features,
      classes: labels.length,
      statistics,
      optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0 },
      gradClip: 0,
      emaDecay: 0,
      seed,
      device: 'cpu',
      precision: 'f32',
      threads: 1,
      loaderThreads: 1,
    },
    null,
  );
  await writeCheckpoint(path, {
    tensors: await trainer.exportState(false),
    statistics,
    metadata: {
      labels: [...labels],
      noEventLabels: [...noEventLabels],
      features,
      model: { ...model, stemChannels: [...model.stemChannels] },
      clips: { lengthS: 1, hopS: 0.5, padLast: true },
      score: 'softmax',
      aggregation,
      calibration: { temperature: options.temperature ?? 0.05 },
      config: {},
      progress: { epoch: 1, step: 1, bestMetric: null, bestEpoch: 1, finished: true, history: [] },
      dataset: { id: '0123456789abcdef', name: 'tiny', split: 'none', counts: [], leftOut: [], licences: [] },
      versions: { autobird: '0.1.0', libtorch: '2.11.0', node: '20.19.0', createdAt: '2026-01-01T00:00:00Z' },
    },
  });
  return path;
}

/** A mono WAV file of a chirp in noise. */
export function chirpWav(seconds: number, { rateHz = 16000, seed = 1 } = {}): Uint8Array {
  return encodeWav16(Float64Array.from(chirpInNoise(rateHz, Math.round(seconds * rateHz), seed)), rateHz);
}
