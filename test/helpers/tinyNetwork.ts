/** A network that trains in milliseconds, and options around it. */
import type { EngineOptions, FeatureOptions, ModelOptions, NamedTensor, TrainerOptions } from '../../bindings/index.ts';

export const tinyModel: ModelOptions = {
  stem: 'plain',
  stemChannels: [4, 8],
  stemDropout: 0.1,
  frequencyPooling: 'mean_max',
  dModel: 16,
  nHeads: 2,
  nLayers: 1,
  ffDim: 32,
  dropout: 0.1,
  pooling: 'class_attention',
  maxLen: 64,
};

export const tinyFeatures: FeatureOptions = {
  sampleRateHz: 8000,
  nFft: 256,
  hopSamples: 160,
  nMels: 16,
  fMinHz: 50,
  fMaxHz: 4000,
  logOffset: 1e-6,
  background: 'none',
};

/** CPU, f32, one thread, no clipping, no average, statistics that change nothing. */
export function trainerOptions(changes: Partial<TrainerOptions> & { mels?: number }): TrainerOptions {
  const { mels = tinyFeatures.nMels, ...rest } = changes;
  return {
    model: tinyModel,
    features:
      mels === tinyFeatures.nMels
        ? tinyFeatures
        : { ...tinyFeatures, sampleRateHz: 16000, nFft: 1024, fMaxHz: 8000, nMels: mels },
    classes: 3,
    statistics: { mean: new Float32Array(mels), std: new Float32Array(mels).fill(1) },
    optimizer: { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 1e-4 },
    gradClip: 0,
    emaDecay: 0,
    seed: 1,
    device: 'cpu',
    precision: 'f32',
    threads: 1,
    loaderThreads: 1,
    ...rest,
  };
}

/** An engine for what a trainer with these options exports. */
export function engineOptions(options: TrainerOptions): EngineOptions {
  const { model, features, classes, statistics, device, precision, threads } = options;
  return { model, features, classes, statistics, device, precision, threads, batching: null };
}

/** The values of an F32 tensor. */
export function floats(tensor: NamedTensor): Float32Array {
  return new Float32Array(tensor.data.slice().buffer);
}
