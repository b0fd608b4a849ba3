import { expected } from '../../bindings/errors.ts';
import type { BatchingOptions, DecodeLimits, Device, Precision } from '../../bindings/native.ts';
import type { DecodeCosts } from '../audio/DecodeBudget.ts';
import { defaultDecodeLimits } from '../audio/limits.ts';
import type { Clip, DriftFeatures, JobOptions, Prediction } from '../domain.ts';
import type { OptionNames } from '../options.ts';
import type { PcmFormat } from './readable.ts';

/** How {@link Classifier.open} runs a model. */
export interface ClassifierOptions {
  /** `auto` takes the GPU where there is one. Default `cpu`. */
  readonly device?: Device | 'auto' | undefined;
  /** `auto`: what is fast on the device. Default `f32`, which gives the scores of the evaluation. */
  readonly precision?: Precision | 'auto' | undefined;
  /** Threads of the network; default one a core. */
  readonly threads?: number | undefined;
  /** Clips of a crossing into the network; changes speed and memory, not scores. Default 16. */
  readonly batchSize?: number;
  /**
   * For servers: clips of recordings that are predicted at the same time are computed together, by `threads` workers of one
   * thread each. Default off: the same recording gives the same bits, whatever is predicted beside it.
   */
  readonly batching?: Partial<Batching> | undefined;
  /**
   * What is refused before memory is taken, or given up while it is decoded. Default that of configs/data: 32 channels,
   * 768 kHz, 24 hours, 4 GiB; at any cost of time and any ratio.
   */
  readonly limits?: Partial<PredictionLimits> | undefined;
}

/** How clips of several calls are gathered into one batch of the network. */
export interface Batching extends Omit<BatchingOptions, 'maxClips'> {
  /** Clips of a batch, at most; null (default) for what the device is fast with: 4 on the CPU, 32 on a GPU. */
  readonly maxClips: number | null;
}

/** What a recording may cost before it is refused. */
export interface PredictionLimits extends DecodeLimits, Partial<DecodeCosts> {
  /** Of an encoded stream that is stored while it is read. */
  readonly maxFileBytes: number;
}

export interface PredictOptions extends JobOptions {
  /** Seconds by which neighbouring clips overlap, at least 0.05 less than a clip; default what the checkpoint says. */
  readonly overlapS?: number | undefined;
  /** Least score of a detection, 0..1. Default 0.25. */
  readonly minScore?: number | undefined;
  /** At most so many labels are detected in one clip. Default 3. */
  readonly topK?: number | undefined;
  /** Neighbouring clips of one label become one detection. Default true. */
  readonly merge?: boolean | undefined;
  /**
   * Milliseconds, from the call, after which the prediction is of no use. Where clips of many recordings are computed together
   * (`batching`), what cannot be there by then is refused (OverloadedError) or given up (AutobirdError `deadline_exceeded`)
   * instead of being computed for nothing. Default no limit.
   */
  readonly withinMs?: number | undefined;
  /** Name in the result instead of the path; the way to name a Buffer. */
  readonly name?: string;
  /** For this recording, instead of what the classifier was opened with. */
  readonly limits?: Partial<PredictionLimits> | undefined;
  /** With `batching`: waits for room in the queue instead of failing with OverloadedError. Default false. */
  readonly waitForRoom?: boolean | undefined;
  /** Also give the embedding of the recording. Default false. */
  readonly embedding?: boolean;
  /** Also give what drift detection keeps of the recording. Default false. */
  readonly driftFeatures?: boolean;
}

export interface PredictFilesOptions extends PredictOptions {
  /** Recordings decoded at once; default one a core. */
  readonly workers?: number | undefined;
  /** `input`: in the order of the paths. `ready`: as they are done. Default `input`. */
  readonly order?: 'input' | 'ready';
}

/** How {@link Classifier.predictStream} reads a stream. */
export interface PredictStreamOptions extends Pick<PredictOptions, 'overlapS' | 'signal' | 'waitForRoom'> {
  /** What raw samples the stream holds. Default: an encoded file. */
  readonly pcm?: PcmFormat | undefined;
}

/** A recording that was decoded before. */
export interface DecodedRecording {
  readonly name: string;
  readonly sampleRateHz: number;
  /** Of the recording as it was. */
  readonly durationS: number;
  /** ISO 8601 as {@link Prediction.recordedAt}. */
  readonly recordedAt: string | null;
  /** Mono samples, read once from beginning to end, in pieces of any size. */
  blocks(): AsyncIterable<Float32Array>;
}

/** The scores of a recording before calibration: for evaluation. */
export interface RecordingLogits {
  readonly durationS: number;
  readonly recordedAt: string | null;
  /** What is wrong with the recording all the same: it is cut short, it has damaged places. */
  readonly warnings: readonly string[];
  /** At least one. */
  readonly clips: readonly Clip[];
  /** (N * C) */
  readonly logits: Float32Array;
  /** (N) */
  readonly activity: Float32Array;
  /** (N), see `ClipPrediction.peak` */
  readonly peak: Float32Array;
  /** Mean over the clips; null unless requested. */
  readonly driftFeatures: DriftFeatures | null;
  /** (D), mean over the clips; null unless requested. */
  readonly embedding: Float32Array | null;
  /** Milliseconds until the last sample was decoded. */
  readonly decodeMs: number;
}

/** The prediction of one recording, as the classifier makes it. */
export interface RecordingPrediction extends Prediction {
  /** Mean over the clips; null unless requested. */
  readonly driftFeatures: DriftFeatures | null;
  /** (D), mean over the clips; null unless requested. */
  readonly embedding: Float32Array | null;
  /** Milliseconds until the last sample was decoded. Of a long recording the network has scored the beginning by then. */
  readonly decodeMs: number;
}

/** Embeddings of a recording: (D) each. */
export interface Embedding {
  readonly durationS: number;
  readonly clips: readonly (Clip & { readonly embedding: Float32Array })[];
  /** Mean over the clips. */
  readonly embedding: Float32Array;
}

export const defaultLimits: PredictionLimits = {
  ...defaultDecodeLimits,
  maxFileBytes: 4 * 2 ** 30,
};

const defaultBatching = { maxDelayMs: 2, maxQueuedClips: 1024 };

// On the CPU 8 or 16 clips at once are no faster than 4, take twice the memory, and the last of them waits longer.
const fastBatchClips: Readonly<Record<Device, number>> = { cpu: 4, cuda: 32 };

/** `batching` with the defaults of `device`. */
export function batchingFor(device: Device, batching: Partial<Batching>): BatchingOptions {
  return { ...defaultBatching, ...batching, maxClips: batching.maxClips ?? fastBatchClips[device] };
}

/** @throws InvalidArgumentError */
export function positiveInteger(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw expected('a positive integer', name, value);
}

export const classifierOptionNames: OptionNames<ClassifierOptions> = {
  device: 1,
  precision: 1,
  threads: 1,
  batchSize: 1,
  batching: 1,
  limits: 1,
};

export const predictOptionNames: OptionNames<PredictOptions> = {
  overlapS: 1,
  minScore: 1,
  topK: 1,
  merge: 1,
  withinMs: 1,
  name: 1,
  limits: 1,
  waitForRoom: 1,
  embedding: 1,
  driftFeatures: 1,
  signal: 1,
  onProgress: 1,
};

export const predictFilesOptionNames: OptionNames<PredictFilesOptions> = {
  ...predictOptionNames,
  workers: 1,
  order: 1,
};

export const predictStreamOptionNames: OptionNames<PredictStreamOptions> = {
  overlapS: 1,
  signal: 1,
  waitForRoom: 1,
  pcm: 1,
};
