/**
 * The raw faces of the two addons, line for line as `native/addon/addon.cc` and `native/audio/addon.cc` register them
 * (`scripts/check-face.mjs` compares). The classes beside this file wrap them; nothing else may import this file.
 *
 * Shapes are in comments: B rows, C classes, M mel bands, T frames. Arrays are copied before a job leaves the JavaScript
 * thread. Every promise rejects with one of the classes of `errors.ts`.
 */

/** What the network sees of a clip; the same object configures training, evaluation and serving. */
export interface FeatureOptions {
  readonly sampleRateHz: number;
  readonly nFft: number;
  readonly hopSamples: number;
  readonly nMels: number;
  readonly fMinHz: number;
  readonly fMaxHz: number;
  /** Added to mel power before the logarithm. */
  readonly logOffset: number;
  /** `median` subtracts each band's median over the clip; `pcen` replaces the logarithm by per-channel energy normalisation. */
  readonly background: 'none' | 'median' | 'pcen';
}

/** The network. The reference (facts of the original system) and the default are two settings of the same options. */
export interface ModelOptions {
  /** `plain`: per stage conv3x3, batch norm, ReLU, dropout2d, 2x2 max-pool. `residual`: strided residual stages. */
  readonly stem: 'plain' | 'residual';
  readonly stemChannels: readonly number[];
  readonly stemDropout: number;
  /** How frequency disappears after the stem. */
  readonly frequencyPooling: 'mean' | 'mean_max';
  readonly dModel: number;
  readonly nHeads: number;
  readonly nLayers: number;
  readonly ffDim: number;
  readonly dropout: number;
  /** `attention`: one attention vector over time, then a linear head. `class_attention`: one for each class. */
  readonly pooling: 'attention' | 'class_attention';
  /** Learned positions, in frames after the stem. */
  readonly maxLen: number;
}

export interface NormalisationStatistics {
  /** (M) */
  readonly mean: Float32Array;
  /** (M), at least 1e-8 */
  readonly std: Float32Array;
}

export type TensorDtype = 'F32' | 'F64' | 'F16' | 'BF16' | 'I64' | 'I32' | 'I16' | 'I8' | 'U8' | 'BOOL';

/** A named tensor outside LibTorch: little-endian, contiguous. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Where a network runs. */
export type Device = 'cpu' | 'cuda';
/** The numbers a network computes with. */
export type Precision = 'f32' | 'bf16' | 'fp16';

/** What LibTorch finds on this machine. */
export interface RuntimeInfo {
  /** LibTorch at build time and as loaded. */
  readonly torchBuilt: string;
  readonly torchLoaded: string;
  readonly cpuCapability: string;
  readonly cpuFeatures: readonly string[];
  /** The CPU multiplies bf16 natively (AMX or AVX512-BF16). */
  readonly cpuBf16: boolean;
  readonly cudaAvailable: boolean;
  readonly cudaDevices: readonly { readonly name: string; readonly totalBytes: number }[];
  /** The loader's words where a CUDA library is there but cannot be loaded; null without a driver or with a LibTorch for CPUs. */
  readonly cudaFailure: string | null;
  readonly mallocTuned: boolean;
}

/** Where a recording's samples lie: int16 blocks of one second with a float32 scale each (docs/dataset-format.md). */
export interface ShardEntry {
  readonly path: string;
  readonly pcmOffset: number;
  readonly scaleOffset: number;
  readonly sampleCount: number;
  /** Samples a scale covers. */
  readonly blockSamples: number;
}

/** Some {@link ShardEntry} in a row. */
export interface PackedShardEntries {
  /** UTF-8, each followed by a zero byte */
  readonly paths: Uint8Array;
  /** (N, 4) pcmOffset, scaleOffset, sampleCount, blockSamples */
  readonly places: Float64Array;
}

/** N clips of equal length. A start may be negative or the end beyond the recording: zeros are there. */
export interface ClipTable {
  /** (N) index into the shard set */
  readonly recording: Int32Array;
  /** (N) */
  readonly startSample: Float64Array;
  readonly clipSamples: number;
}

/** One training step, with all that is random about it drawn already: the addon only does arithmetic. */
export interface BatchPlan {
  /** (B) */
  readonly recording: Int32Array;
  /** (B) */
  readonly startSample: Float64Array;
  readonly clipSamples: number;
  /** (B) factor on the waveform after mixing */
  readonly gain: Float32Array;
  /** (B) recording to mix in, -1 for none */
  readonly mixRecording: Int32Array;
  /** (B) */
  readonly mixStartSample: Float64Array;
  /** (B) share r of the first waveform, 0..1; levels are equalised as in between-class learning (Tokozume 2018, eq. 2) */
  readonly mixRatio: Float32Array;
  /** (B) signal-to-noise ratio of added white noise, NaN for none */
  readonly noiseSnrDb: Float32Array;
  /** (B) seed of the row's noise samples */
  readonly noiseSeed: Uint32Array;
  /** (B, K) gain in dB at K knots spread evenly over the mel axis, linear between; length 0 for none */
  readonly filterDb: Float32Array;
  /** (B, 2 * masks) start band and width of each frequency mask; masked cells become the mean (0 after normalisation) */
  readonly bandMasks: Int32Array;
  /** (B, 2 * masks) start frame and width of each time mask */
  readonly frameMasks: Int32Array;
  /** (B, C) rows sum to 1 */
  readonly target: Float32Array;
}

export interface StepOptions {
  readonly learningRate: number;
}

export interface StepResult {
  readonly loss: number;
  /** Rows whose best class is the target's best class. */
  readonly correct: number;
  readonly rows: number;
  /** Norm of all gradients before clipping. */
  readonly gradNorm: number;
  /** fp16 only: the step was skipped because a gradient was not finite. */
  readonly skipped: boolean;
  readonly lossScale: number;
  /** Time the step waited for features, and time it computed, in milliseconds. */
  readonly waitMs: number;
  readonly computeMs: number;
}

export interface OptimizerOptions {
  readonly kind: 'adam' | 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

export interface TrainerOptions {
  readonly model: ModelOptions;
  readonly features: FeatureOptions;
  readonly classes: number;
  readonly statistics: NormalisationStatistics;
  readonly optimizer: OptimizerOptions;
  /** Largest gradient norm; 0 for no clipping. */
  readonly gradClip: number;
  /** Decay of the exponential moving average of the weights; 0 for none. */
  readonly emaDecay: number;
  readonly seed: number;
  readonly device: Device;
  readonly precision: Precision;
  /** Threads of the network's arithmetic. */
  readonly threads: number;
  /** Threads that make features of later steps meanwhile. */
  readonly loaderThreads: number;
}

export interface EngineOptions {
  readonly model: ModelOptions;
  readonly features: FeatureOptions;
  readonly classes: number;
  readonly statistics: NormalisationStatistics;
  readonly device: Device;
  readonly precision: Precision;
  /** Of one call without batching; with it, workers of one thread each. */
  readonly threads: number;
  /** Null: calls run one after the other, each in batches of its own, so that equal calls give equal bits. */
  readonly batching: BatchingOptions | null;
}

/** How clips of several calls are computed together. */
export interface BatchingOptions {
  /** Clips of a batch, at most. */
  readonly maxClips: number;
  /** How long a clip may wait for others while another worker computes; one that finds all idle never waits. */
  readonly maxDelayMs: number;
  /** A call that finds others waiting and would make more than this is refused. */
  readonly maxQueuedClips: number;
}

/** What a batching engine has done and what waits. */
export interface BatcherStats {
  readonly queuedClips: number;
  readonly runningClips: number;
  readonly clips: number;
  readonly batches: number;
  readonly refusedCalls: number;
  /** Calls whose time was over before all their clips were computed. */
  readonly lateCalls: number;
  /** Time of a worker for a clip, over the last twenty batches or so. */
  readonly meanClipMs: number;
  /** Time that workers computed, over all batches. */
  readonly busyMs: number;
  /** Batches of 1, 2, up to 4, 8, 16, 32, 64 and more clips. */
  readonly batchSizes: Float64Array;
  /** How long all clips that a worker took had waited. */
  readonly waitedMs: number;
  /** Clips that had waited up to 1, 5, 25, 100, 250, 1000, 5000 ms and longer. */
  readonly waits: Float64Array;
}

export interface EngineOutput {
  /** (N, C) */
  readonly logits: Float32Array;
  /** (N) see ClipPrediction.activity */
  readonly activity: Float32Array;
  /** (N) largest absolute sample of each clip; NaN where only features were given */
  readonly peak: Float32Array;
  /** (N, 4) see DriftFeatures, in the order of its fields; empty unless requested */
  readonly driftFeatures: Float32Array;
  /** (N, D) what the head sees, where requested */
  readonly embeddings: Float32Array | null;
}

export interface DecodeLimits {
  readonly maxChannels: number;
  readonly maxSampleRateHz: number;
  readonly maxDurationS: number;
}

/** The facts of a recording from its header. */
export interface DecoderInfo {
  readonly container: string;
  readonly codec: string;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** From the header, if it says one: never trusted. */
  readonly declaredDurationS: number | null;
  /**
   * bext, LIST INFO, ID3, Vorbis comments as text under the names FFmpeg gives them (`title`, `artist`, `comment`, `date`,
   * `origination_date`, …); GUANO (`guan` chunk) as `guano.<Key>`.
   */
  readonly tags: Readonly<Record<string, string>>;
}

/** What a decoder reads while it is opened, in the same crossing. */
export interface ReadAhead {
  readonly targetHz: number;
  /** At `targetHz`; at least so many but at the end. */
  readonly samples: number;
}

/** A part of a file, in bytes: where a tag lies before the recording, or several files lie behind one another. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface DecoderOptions {
  readonly limits: DecodeLimits;
  /**
   * The channel that becomes the samples, from 1; 0 for the mean; -1 for the mean where `bestChannel` is to be known. A recording
   * of one channel is read as it is.
   */
  readonly channel: number;
  readonly ahead: ReadAhead | null;
  /** Null for all of the file. */
  readonly range: ByteRange | null;
}

/** A decoder that is being opened. */
export interface NativeOpening {
  readonly decoder: Promise<NativeDecoder>;
  /** The promise rejects with `aborted`, or gives a decoder whose reads do. */
  stop(): void;
}

/** Samples that stay in C++ on their way from a decoder, with which they go, to an engine. */
export interface NativeSamples {
  readonly length: number;
  /** A copy. */
  toArray(): Float32Array;
}

/** What came of a recording so far; final once its end was read. */
export interface DecodingProgress {
  /** Of the source, at its own rate. */
  readonly decodedSamples: number;
  /** It was read to its end. */
  readonly ended: boolean;
  /** Packets that could not be decoded; for WAV, samples that are not finite or beyond 1e6, which read as 0. */
  readonly damaged: number;
  /** The file ended before its header said. */
  readonly truncated: boolean;
  /** What else a reader should know, in sentences without a capital and a full stop. */
  readonly notes: readonly string[];
  /** The channel with the best signal, from 1, where the decoder was opened to choose one: neither a dead nor a purely noisy one where there is another. */
  readonly bestChannel: number;
}

export interface NativeDecoder {
  readonly info: DecoderInfo;
  /** What was read while opening, as by a first `readAt`; null where nothing was requested. */
  readonly ahead: NativeSamples | null;
  /** The next mono samples at the source rate, null at the end. Damaged stretches are counted. */
  read(maxSamples: number): Promise<Float32Array | null>;
  /**
   * Instead of `read`, in one crossing a stretch: decodes and resamples to `targetHz` until `wantedSamples` are there or the
   * source ends; null at the end. Each call must name the same rate.
   */
  readAt(targetHz: number, wantedSamples: number): Promise<Float32Array | null>;
  /**
   * Instead of `read`, in one crossing a stretch: decodes, hashes, resamples to `targetHz` and encodes until
   * `stretchSamples` are there, in whole blocks of `blockSamples`; the last stretch has `whole` and may be empty. Each call
   * must name the same rate and block.
   */
  encode(targetHz: number, blockSamples: number, stretchSamples: number): Promise<EncodedStretch>;
  /** After the last call that was settled. */
  progress(): DecodingProgress;
  dispose(): void;
}

/** Samples as shards hold them: int16 blocks with a scale each (value = pcm * scale, scale = largest / 32767). */
export interface EncodedStretch {
  /** (n); samples that are not finite are 0. */
  readonly pcm: Int16Array;
  /** (ceil(n / blockSamples)), 1 / 32767 for a silent block. */
  readonly scales: Float32Array;
  /** With the last stretch: of the whole recording. */
  readonly whole: EncodedWhole | null;
}

export interface EncodedWhole {
  /** SHA-256 of the mono float32 samples at the source rate, hex. */
  readonly audioHash: string;
  /** At the source rate. */
  readonly sourceSamples: number;
  /** At the target rate, as are `peak` (largest absolute sample) and `squares` (sum of squared samples, in their order). */
  readonly sampleCount: number;
  readonly peak: number;
  readonly squares: number;
}

export interface NativeChannelMixer {
  /** Mono samples of planar channels. */
  planar(channels: readonly Float32Array[]): Float32Array;
  /** Mono samples of interleaved channels. */
  interleaved(samples: Float32Array, channels: number): Float32Array;
  /** As in {@link DecodingProgress}. */
  notes(): readonly string[];
  best(): number;
}

export interface NativeRecordingEncoder {
  /** The whole blocks that are ready. */
  push(samples: Float32Array): Promise<EncodedStretch>;
  /** What is left, with `whole`. Nothing may follow. */
  finish(): Promise<EncodedStretch>;
  dispose(): void;
}

export interface NativeResampler {
  /** Samples at the target rate that are ready; the rest stays inside. */
  push(samples: Float32Array): Promise<Float32Array>;
  /** What is left. */
  flush(): Promise<Float32Array>;
  dispose(): void;
}

export interface NativeLogMel {
  /** (M * T) of one stretch, T = 1 + floor(n / hopSamples), centred frames with reflected ends; `background` applied. */
  compute(samples: Float32Array): Promise<Float32Array>;
  /** (N, 4) of clips of one stretch, which is zero beyond its ends: see DriftFeatures, in the order of its fields. */
  driftFeatures(samples: Float32Array, startSample: Float64Array, clipSamples: number): Promise<Float32Array>;
  dispose(): void;
}

export interface NativeShardSet {
  /** Per clip: root mean square, spread of the log-mel (population standard deviation over all cells), activity. (N) each. */
  clipLevels(
    clips: ClipTable,
    threads: number,
  ): Promise<{ rms: Float32Array; melSpread: Float32Array; activity: Float32Array }>;
  /** Per band over all frames of all clips; std is at least 1e-8. (M) each. */
  bandStatistics(clips: ClipTable, threads: number): Promise<NormalisationStatistics>;
  /** How much happens in each `stepS` of a recording (native/core/features/activity.h). */
  activityProfile(recording: number, stepS: number): Promise<Float32Array>;
  readPcm(recording: number, startSample: number, sampleCount: number): Promise<Float32Array>;
  /** (M * T) of the stretch that `readPcm` would give. */
  logMel(recording: number, startSample: number, sampleCount: number): Promise<Float32Array>;
  /** Rejects what runs and what is queued with code `aborted`; the set stays usable. */
  abort(): void;
  dispose(): void;
}

export interface NativeTrainer {
  /** Steps run in the order of the calls; features of queued steps are made meanwhile. */
  step(plan: BatchPlan, options: StepOptions): Promise<StepResult>;
  /** A step on ready, normalised features (B, M, T). */
  stepFeatures(features: Float32Array, target: Float32Array, rows: number, options: StepOptions): Promise<StepResult>;
  /** Gradients of the loss on ready features in training mode; nothing is updated. */
  gradients(features: Float32Array, target: Float32Array, rows: number): Promise<NamedTensor[]>;
  /** Scores of clips with the averaged weights (or the current ones where there is no average). */
  evaluate(clips: ClipTable, batchSize: number): Promise<EngineOutput>;
  /** `model.*` (the averaged weights where there are any), and with optimizer also `optimizer.*`, `current.*`, `scaler.*`. */
  exportState(withOptimizer: boolean): Promise<NamedTensor[]>;
  /** Reads the tensors until the promise is settled. */
  importState(tensors: readonly NamedTensor[]): Promise<void>;
  /** Rejects what is queued with code `aborted`; the trainer stays usable. */
  abort(): void;
  dispose(): void;
}

export interface NativeEngine {
  /**
   * Clips of one stretch of samples at the model's rate; the stretch is zero beyond its ends. `withinMs` is for a batching
   * engine: a call that is not done by then rejects with `deadline_exceeded`, one that cannot be with `overloaded`.
   */
  forwardPcm(
    samples: Float32Array | NativeSamples,
    startSample: Float64Array,
    clipSamples: number,
    embeddings: boolean,
    driftFeatures: boolean,
    call: number,
    withinMs: number | null,
  ): Promise<EngineOutput>;
  /** Takes a call of a batching engine out of its queue: it rejects with `aborted`. */
  cancel(call: number): void;
  /** Null without batching. */
  stats(): BatcherStats | null;
  /** Ready, normalised features (B, M, T); activity is 0, it cannot be told from them. */
  forwardFeatures(features: Float32Array, rows: number, embeddings: boolean): Promise<EngineOutput>;
  dispose(): void;
}

/** Makes the error a native failure becomes; called on the JavaScript thread. */
export type ErrorFactory = (code: string, message: string) => Error;

/** `autobird.node` */
export interface NativeAddon {
  /** Once per environment, before anything else. */
  initialize(makeError: ErrorFactory): void;
  runtimeInfo(): RuntimeInfo;
  releaseFreeMemory(): Promise<void>;
  /** `seed` fixes the initial weights. */
  createTrainer(options: TrainerOptions, shards: NativeShardSet | null): Promise<NativeTrainer>;
  /** Reads the tensors until the promise is settled. */
  createEngine(options: EngineOptions, tensors: readonly NamedTensor[]): Promise<NativeEngine>;
  /** Reads the arrays until the promise is settled. */
  openShards(entries: readonly PackedShardEntries[], features: FeatureOptions): Promise<NativeShardSet>;
  createLogMel(options: FeatureOptions): NativeLogMel;
  createResampler(sourceHz: number, targetHz: number): NativeResampler;
  openWav(source: string | Uint8Array, options: DecoderOptions): NativeOpening;
  /** For channels that no native decoder gives; `channel` as in {@link DecoderOptions}. */
  createChannelMixer(channel: number, sampleRateHz: number): NativeChannelMixer;
  /** For samples that no native decoder gives. */
  createRecordingEncoder(sourceHz: number, targetHz: number, blockSamples: number): NativeRecordingEncoder;
}

/** `audio.node`: FFmpeg's libraries, built where pkg-config finds them. */
export interface NativeAudioAddon {
  initialize(makeError: ErrorFactory): void;
  readonly ffmpegVersion: string;
  openFfmpeg(source: string | Uint8Array, options: DecoderOptions): NativeOpening;
}
