/**
 * The one way from a recording to scores. Evaluation, the command line and the service come through here, and all that is
 * needed is in the checkpoint.
 */
import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { AudioError, AutobirdError, DisposedError, expected, NativeError } from '../../bindings/errors.ts';
import { Engine } from '../../bindings/index.ts';
import type { BatcherStats } from '../../bindings/native.ts';
import type { CheckpointMetadata } from '../checkpoint/metadata.ts';
import { type Checkpoint, readCheckpoint } from '../checkpoint/readCheckpoint.ts';
import { minHopS } from '../config/schema.ts';
import type { Clip, ClipPrediction, FailedPrediction, Label } from '../domain.ts';
import { checkOptions } from '../options.ts';
import { recordingSpectrogram } from '../reports/recordingSpectrogram.ts';
import { detectionsOf } from '../scoring/detections.ts';
import { describeEmptyClips, isEmptyClip } from '../scoring/emptyClips.ts';
import { Scoring } from '../scoring/Scoring.ts';
import { addAt, concatenated } from '../vectors.ts';
import { chooseRuntime } from './chooseRuntime.ts';
import { meanDriftFeatures } from './driftFeatures.ts';
import { findCheckpoint } from './findCheckpoint.ts';
import { inParallel } from './inParallel.ts';
import { type OpenedSource, openDecoded, openPcm, openRecording } from './openSource.ts';
import {
  batchingFor,
  type ClassifierOptions,
  classifierOptionNames,
  type DecodedRecording,
  defaultLimits,
  type Embedding,
  type PredictFilesOptions,
  type PredictionLimits,
  type PredictOptions,
  type PredictStreamOptions,
  positiveInteger,
  predictFilesOptionNames,
  predictOptionNames,
  predictStreamOptionNames,
  type RecordingLogits,
  type RecordingPrediction,
} from './options.ts';
import { spooled } from './readable.ts';
import { type ClipBatch, type ScoreClipsOptions, scoreClips, scoreSamples } from './scoreClips.ts';

/**
 * A trained model that is ready to predict.
 *
 * ```ts
 * using classifier = await Classifier.open('runs/2026-05-01/06-30-00');
 * const { topLabel, detections } = await classifier.predictFile('dawn.wav');
 * ```
 */
export class Classifier {
  readonly #checkpoint: Checkpoint;
  readonly #scoring: Scoring;
  readonly #limits: PredictionLimits;
  readonly #batchSize: number;
  #engine: Engine | null;

  private constructor(checkpoint: Checkpoint, engine: Engine, limits: PredictionLimits, batchSize: number) {
    this.#checkpoint = checkpoint;
    this.#scoring = new Scoring(checkpoint.metadata);
    this.#engine = engine;
    this.#limits = limits;
    this.#batchSize = batchSize;
  }

  /**
   * Opens a checkpoint file, the best checkpoint of a run folder, or a checkpoint that was read already.
   *
   * @throws AutobirdError `not_found`; FormatError for a damaged file; InvalidArgumentError for an option that this machine
   * cannot meet
   */
  static async open(source: string | Checkpoint, options: ClassifierOptions = {}): Promise<Classifier> {
    checkOptions('Classifier.open', options, classifierOptionNames);
    checkSource(source);
    const { device = 'cpu', precision = 'f32', batchSize = 16 } = options;
    positiveInteger('batchSize', batchSize);
    const runtime = chooseRuntime(device, precision, options.threads ?? null);
    const checkpoint = typeof source === 'string' ? await readCheckpoint(await findCheckpoint(source)) : source;
    const { features, model, labels } = checkpoint.metadata;
    // A GPU has one queue: more workers would only take turns.
    const threads = options.batching !== undefined && runtime.device === 'cuda' ? 1 : runtime.threads;
    const batching = options.batching === undefined ? null : batchingFor(runtime.device, options.batching);
    const engine = await Engine.create(
      { model, features, classes: labels.length, statistics: checkpoint.statistics, ...runtime, threads, batching },
      checkpoint.tensors.filter(({ name }) => name.startsWith('model.')),
    );
    return new Classifier(checkpoint, engine, { ...defaultLimits, ...options.limits }, batchSize);
  }

  /** Class names in the order of the scores, no-event labels included. */
  get labels(): readonly Label[] {
    return this.#checkpoint.metadata.labels;
  }

  /** Those of {@link labels} that are never reported. */
  get noEventLabels(): readonly Label[] {
    return this.#checkpoint.metadata.noEventLabels;
  }

  /** Equal exactly where predictions are equal. */
  get modelVersion(): string {
    return this.#checkpoint.modelVersion;
  }

  /** What the checkpoint says about itself: data, licences, configuration, how it was trained. */
  get metadata(): CheckpointMetadata {
    return this.#checkpoint.metadata;
  }

  /** Sample rate and band of the sound that the model predicts from. */
  get features(): { readonly sampleRateHz: number; readonly fMinHz: number; readonly fMaxHz: number } {
    return this.#checkpoint.metadata.features;
  }

  /** Length and hop of the clips, as trained. */
  get clips(): { readonly lengthS: number; readonly hopS: number } {
    return this.#checkpoint.metadata.clips;
  }

  /**
   * Scores and detections of one recording, of any length, in bounded memory: a file, the bytes of one, or what was decoded
   * before.
   *
   * @throws AudioError where it cannot be read, with the reason in `code`; InvalidArgumentError for a wrong option
   */
  async predictFile(
    source: string | Uint8Array | DecodedRecording,
    options: PredictOptions = {},
  ): Promise<RecordingPrediction> {
    checkOptions('predictFile', options, predictOptionNames);
    if (!['string', 'object'].includes(typeof source) || source === null) {
      throw expected('the path or the bytes of a recording', 'the first argument', source);
    }
    const wanted = this.#predictionOptions(options);
    const scored = await this.clipLogits(source, options);
    const { durationS, recordedAt, warnings, clips, logits, activity, peak, driftFeatures, embedding, decodeMs } =
      scored;
    const { labels, noEventLabels } = this.#checkpoint.metadata;
    const clipScores = this.#scoring.clipScores(logits);
    const scores = this.#scoring.recordingScores(clipScores, activity);
    const clipPredictions = clips.map((clip, index) => ({
      ...clip,
      scores: clipScores.subarray(index * labels.length, (index + 1) * labels.length),
      activity: activity[index] as number,
      peak: peak[index] as number,
    }));
    const hasSound = clipPredictions.some((clip) => !isEmptyClip(clip, durationS));
    return {
      recording: options.name ?? nameOf(source),
      durationS,
      recordedAt,
      warnings: [...warnings, ...describeEmptyClips(clipPredictions, durationS)],
      labels,
      scores,
      topLabel: hasSound ? this.#scoring.topLabel(scores) : null,
      clips: clipPredictions,
      detections: detectionsOf(clipPredictions, { ...wanted, labels, noEventLabels, durationS, recordedAt }),
      driftFeatures,
      embedding,
      decodeMs,
      modelVersion: this.modelVersion,
    };
  }

  /**
   * Predictions of many recordings, several decoded at once. A recording that cannot be read costs one
   * {@link FailedPrediction}; an abort or a failure of the network itself ends the iteration.
   */
  async *predictFiles(
    sources: Iterable<string | DecodedRecording>,
    options: PredictFilesOptions = {},
  ): AsyncGenerator<RecordingPrediction | FailedPrediction, void> {
    checkOptions('predictFiles', options, predictFilesOptionNames);
    checkPaths(sources);
    const { workers = availableParallelism(), order = 'input', ...single } = options;
    positiveInteger('workers', workers);
    this.#predictionOptions(options);
    this.#openEngine();
    // Leaving the loop early stops what is still being decoded.
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    try {
      yield* inParallel(sources, workers, order, async (source) => {
        try {
          return await this.predictFile(source, { ...single, signal });
        } catch (error) {
          if (signal.aborted || error instanceof DisposedError || error instanceof NativeError) throw error;
          return failed(nameOf(source), error);
        }
      });
    } finally {
      stop.abort();
    }
  }

  /**
   * Predictions of a stream clip by clip, with the scores of {@link predictFile}'s clips. An encoded stream (a WAV, mp3,
   * … file as it is uploaded) is stored in a temporary file first. With `pcm` the stream is raw samples and each clip is
   * given as soon as its last sample has arrived.
   *
   * @throws AudioError `too_large` or `too_long` when the stream exceeds the limits
   */
  async *predictStream(readable: Readable, options: PredictStreamOptions = {}): AsyncGenerator<ClipPrediction, void> {
    checkOptions('predictStream', options, predictStreamOptionNames);
    this.#hopS(options.overlapS);
    if (options.pcm !== undefined) {
      await using source = openPcm(readable, options.pcm, this.#limits, this.#checkpoint.metadata.dataset.channel);
      yield* this.#clipPredictions(source, options, true);
    } else {
      await using file = await spooled(readable, this.#limits.maxFileBytes, options.signal);
      await using source = await this.#open(file.path, options);
      yield* this.#clipPredictions(source, options, false);
    }
  }

  /** Embeddings of a recording and its clips, from the layer before the scores: for search, clustering and drift. */
  async embed(source: string | Uint8Array, options: PredictOptions = {}): Promise<Embedding> {
    checkOptions('embed', options, predictOptionNames);
    await using opened = await this.#open(source, options);
    const clips: (Clip & { embedding: Float32Array })[] = [];
    for await (const batch of this.#score(opened, options, { eager: false, embeddings: true })) {
      const embeddings = batch.embeddings as Float32Array;
      const width = embeddings.length / batch.clips.length;
      batch.clips.forEach((clip, index) => {
        clips.push({ ...clip, embedding: embeddings.slice(index * width, (index + 1) * width) });
      });
    }
    const rows = concatenated(clips.map(({ embedding }) => embedding));
    return { durationS: opened.durationS(), clips, embedding: meanRow(rows, clips.length) };
  }

  /** A picture of a recording of any length, as a PNG: log-mel in the model's bands, low ones at the bottom. */
  async spectrogram(
    source: string | Uint8Array,
    options: Pick<PredictOptions, 'signal' | 'limits'> = {},
  ): Promise<Uint8Array> {
    checkOptions<typeof options>('spectrogram', options, { signal: 1, limits: 1 });
    this.#openEngine();
    await using opened = await this.#open(source, options);
    const { features } = this.#checkpoint.metadata;
    return await recordingSpectrogram(opened.samplesAt(features.sampleRateHz), features);
  }

  /** Logits of every clip, before temperature and aggregation: what calibration is fitted on. */
  async clipLogits(
    source: string | Uint8Array | DecodedRecording,
    options: PredictOptions = {},
  ): Promise<RecordingLogits> {
    checkOptions('clipLogits', options, predictOptionNames);
    const deadlineMs = options.withinMs === undefined ? undefined : performance.now() + options.withinMs;
    await using opened = await this.#open(source, options);
    const clips: Clip[] = [];
    const logits: Float32Array[] = [];
    const activity: Float32Array[] = [];
    const peak: Float32Array[] = [];
    const drift: Float32Array[] = [];
    const embeddings: Float32Array[] = [];
    const { embedding: embeddingWanted = false, driftFeatures: driftWanted = false } = options;
    const wanted = { embeddings: embeddingWanted, driftFeatures: driftWanted };
    for await (const batch of this.#score(opened, options, { eager: false, ...wanted, deadlineMs })) {
      clips.push(...batch.clips);
      logits.push(batch.logits);
      activity.push(batch.activity);
      peak.push(batch.peak);
      drift.push(batch.driftFeatures);
      if (batch.embeddings !== null) embeddings.push(batch.embeddings);
    }
    return {
      durationS: opened.durationS(),
      recordedAt: opened.recordedAt,
      warnings: opened.warnings(),
      clips,
      logits: concatenated(logits),
      activity: concatenated(activity),
      peak: concatenated(peak),
      driftFeatures: driftWanted ? meanDriftFeatures(concatenated(drift)) : null,
      embedding: embeddingWanted ? meanRow(concatenated(embeddings), clips.length) : null,
      decodeMs: opened.decodeMs(),
    };
  }

  /** What the workers of a classifier with `batching` have done and what waits for them; null without it. */
  stats(): BatcherStats | null {
    return this.#openEngine().stats();
  }

  /** Seconds that what waits for the workers will take, by what the last clips took; 0 without `batching`. */
  get waitS(): number {
    return this.#openEngine().waitS;
  }

  /** Frees the network's memory; the classifier throws DisposedError afterwards. */
  dispose(): void {
    this.#engine?.dispose();
    this.#engine = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async *#clipPredictions(
    source: OpenedSource,
    options: PredictOptions,
    eager: boolean,
  ): AsyncGenerator<ClipPrediction, void> {
    const classes = this.labels.length;
    for await (const { clips, logits, activity, peak } of this.#score(source, options, { eager, embeddings: false })) {
      const clipScores = this.#scoring.clipScores(logits);
      for (const [index, clip] of clips.entries()) {
        const scores = clipScores.slice(index * classes, (index + 1) * classes);
        yield { ...clip, scores, activity: activity[index] as number, peak: peak[index] as number };
      }
    }
  }

  async *#score(
    source: OpenedSource,
    options: PredictOptions,
    mode: Pick<ScoreClipsOptions, 'eager' | 'embeddings' | 'driftFeatures' | 'deadlineMs'>,
  ): AsyncGenerator<ClipBatch, void> {
    const engine = this.#openEngine();
    const { clips, features } = this.#checkpoint.metadata;
    const grid = { ...clips, hopS: this.#hopS(options.overlapS) };
    const { sampleRateHz } = features;
    const { waitForRoom, signal } = options;
    const scoring = { grid, sampleRateHz, batchSize: this.#batchSize, ...mode, waitForRoom, signal };
    const batches =
      source.allSamples === null
        ? scoreClips(engine, source.samplesAt(sampleRateHz), scoring)
        : scoreSamples(engine, source.allSamples, scoring);
    for await (const batch of batches) {
      const last = batch.clips[batch.clips.length - 1] as Clip;
      const total = Math.max(source.declaredDurationS ?? 0, last.endS);
      options.onProgress?.({ stage: 'predict', done: last.endS, total });
      yield batch;
    }
    if (source.durationS() === 0) {
      throw new AudioError('no_samples', 'The audio holds no samples: its header may be all that was written');
    }
  }

  async #open(
    source: string | Uint8Array | DecodedRecording,
    { limits, signal, name }: Pick<PredictOptions, 'limits' | 'signal' | 'name'>,
  ) {
    if (typeof source === 'object' && 'blocks' in source) return openDecoded(source);
    const { features, dataset } = this.#checkpoint.metadata;
    const { sampleRateHz } = features;
    const { channel } = dataset;
    return await openRecording(source, { ...this.#limits, ...limits }, { sampleRateHz, channel, signal, name });
  }

  #openEngine(): Engine {
    if (this.#engine === null) throw new DisposedError('The classifier');
    return this.#engine;
  }

  #predictionOptions({ overlapS, minScore = 0.25, topK = 3, merge = true }: PredictOptions) {
    this.#hopS(overlapS);
    if (!(minScore >= 0 && minScore <= 1)) throw expected('a number from 0 to 1', 'minScore', minScore);
    positiveInteger('topK', topK);
    return { minScore, topK, merge };
  }

  #hopS(overlapS: number | undefined): number {
    const { lengthS, hopS } = this.#checkpoint.metadata.clips;
    if (overlapS === undefined) return hopS;
    const hop = lengthS - overlapS;
    // 5 - 4.95 is a little less than 0.05.
    if (!(overlapS >= 0 && hop >= minHopS - 1e-9)) {
      throw expected(`0 or more and at least ${minHopS} less than a clip's ${lengthS} seconds`, 'overlapS', overlapS);
    }
    return hop;
  }
}

function nameOf(source: string | Uint8Array | DecodedRecording): string {
  if (typeof source === 'string') return source;
  return 'blocks' in source ? source.name : 'buffer';
}

/** A checkpoint's path or content. */
function checkSource(source: unknown): void {
  const isRead = typeof source === 'object' && source !== null && 'metadata' in source;
  if (!isRead && (typeof source !== 'string' || source === '')) {
    throw expected('the path of a checkpoint or run folder', 'the first argument', source);
  }
}

/** A string is iterable too: each of its letters would be taken for a path. */
function checkPaths(paths: unknown): void {
  if (typeof paths === 'object' && paths !== null && Symbol.iterator in paths && !(paths instanceof Uint8Array)) return;
  throw expected("a list of paths (['dawn.wav'])", 'predictFiles', paths);
}

/** (D) of (N * D) */
function meanRow(rows: Float32Array, count: number): Float32Array {
  const sum = new Float64Array(rows.length / count);
  for (const [i, value] of rows.entries()) addAt(sum, i % sum.length, value);
  return Float32Array.from(sum, (value) => value / count);
}

function failed(recording: string, error: unknown): FailedPrediction {
  const message = error instanceof Error ? error.message : String(error);
  const system = (error as NodeJS.ErrnoException | null)?.code;
  const code = error instanceof AutobirdError ? error.code : (system?.toLowerCase() ?? 'internal');
  return { recording, error: { code, message } };
}
