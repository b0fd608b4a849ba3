/**
 * A stretch of samples of unknown length becomes clip logits, in bounded memory: only the samples of the clips that are
 * being scored are kept. The grid is that of `data/clips.ts`: whole clips as soon as their last sample is there, what the
 * grid adds for the end when the end is known.
 */
import type { ForwardOptions } from '../../bindings/Engine.ts';
import type { EngineOutput, NativeSamples } from '../../bindings/native.ts';
import { clipGrid, clipSeconds, type GridOptions } from '../data/clips.ts';
import type { Clip } from '../domain.ts';
import { retryWithPauses } from './retryWithPauses.ts';

/** The part of an Engine that is used here. */
export interface ClipEngine<Samples = Float32Array> {
  forwardPcm(
    samples: Samples,
    startSample: Float64Array,
    clipSamples: number,
    embeddings: boolean,
    options?: ForwardOptions,
  ): Promise<EngineOutput>;
}

export interface ScoreClipsOptions {
  readonly grid: GridOptions;
  readonly sampleRateHz: number;
  /** Clips of a crossing. */
  readonly batchSize: number;
  /** Score what is complete after every block instead of waiting for a full batch: for live streams. */
  readonly eager: boolean;
  readonly embeddings: boolean;
  /** Default false. */
  readonly driftFeatures?: boolean;
  /** Wait for room in the queue of the engine. Default false. */
  readonly waitForRoom?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** On the clock of `performance.now()`; see ForwardOptions.withinMs. */
  readonly deadlineMs?: number | undefined;
}

/** (N) clips with their logits (N * C), activity (N) and, where requested, embeddings (N * D). */
export interface ClipBatch extends EngineOutput {
  /** (N) */
  readonly clips: readonly Clip[];
}

/**
 * Yields batches in order of time; at least one clip in all unless there is not one sample.
 *
 * @param blocks mono samples at the model's rate, in pieces of any size
 */
export async function* scoreClips(
  engine: ClipEngine,
  blocks: AsyncIterable<Float32Array>,
  options: ScoreClipsOptions,
): AsyncGenerator<ClipBatch, void> {
  const { grid, sampleRateHz, batchSize, eager, signal } = options;
  const clipSamples = clipSamplesOf(options);
  const hopSamples = Math.max(1, Math.round(grid.hopS * sampleRateHz));
  const window = new SampleWindow();
  let next = 0;
  // While one batch is computed the next one is decoded.
  let inFlight: Promise<ClipBatch> | null = null;

  const score = (startSamples: Float64Array): Promise<ClipBatch> => {
    const from = startSamples[0] as number;
    const until = (startSamples[startSamples.length - 1] as number) + clipSamples;
    const relative = startSamples.map((start) => start - from);
    const clips = Array.from(startSamples, (start) => clipSeconds(start, clipSamples, sampleRateHz));
    const samples = window.slice(from, until);
    const batch = forward(engine, samples, relative, options).then((output) => ({ clips, ...output }));
    // The caller may leave before the batch is done: its failure must not count as an unhandled one then.
    batch.catch(() => {});
    return batch;
  };

  for await (const block of blocks) {
    signal?.throwIfAborted();
    window.append(block);
    for (;;) {
      const complete = Math.floor((window.end - clipSamples) / hopSamples) + 1 - next;
      const count = Math.min(batchSize, complete);
      if (count < (eager ? 1 : batchSize)) break;
      const starts = Float64Array.from({ length: count }, (_, i) => (next + i) * hopSamples);
      next += count;
      const batch = score(starts);
      // The last clip of the grid may end with the recording, wherever that turns out to be.
      window.forget(Math.min(next * hopSamples, window.end - clipSamples));
      if (inFlight !== null) yield await inFlight;
      inFlight = batch;
      if (eager) {
        yield await batch;
        inFlight = null;
      }
      signal?.throwIfAborted();
    }
  }
  if (inFlight !== null) yield await inFlight;

  const { starts } = clipGrid(window.end, sampleRateHz, grid, { atLeastOne: true });
  for (; next < starts.length; next += batchSize) {
    signal?.throwIfAborted();
    yield await score(starts.slice(next, next + batchSize));
  }
}

/** As {@link scoreClips}, of all samples of a recording, which stay where they are. */
export async function* scoreSamples(
  engine: ClipEngine<NativeSamples>,
  samples: NativeSamples,
  options: Omit<ScoreClipsOptions, 'eager'>,
): AsyncGenerator<ClipBatch, void> {
  const { grid, sampleRateHz, batchSize, signal } = options;
  const clipSamples = clipSamplesOf(options);
  const { starts } = clipGrid(samples.length, sampleRateHz, grid, { atLeastOne: true });
  for (let next = 0; next < starts.length; next += batchSize) {
    signal?.throwIfAborted();
    const some = starts.slice(next, next + batchSize);
    const output = await forward(engine, samples, some, options);
    yield { clips: Array.from(some, (start) => clipSeconds(start, clipSamples, sampleRateHz)), ...output };
  }
}

function clipSamplesOf({ grid, sampleRateHz }: Pick<ScoreClipsOptions, 'grid' | 'sampleRateHz'>): number {
  return Math.max(1, Math.round(grid.lengthS * sampleRateHz));
}

/** One crossing, repeated with `waitForRoom` as long as there is no room. */
async function forward<Samples>(
  engine: ClipEngine<Samples>,
  samples: Samples,
  starts: Float64Array,
  options: Omit<ScoreClipsOptions, 'eager'>,
): Promise<EngineOutput> {
  const { embeddings, driftFeatures, waitForRoom = false, signal, deadlineMs } = options;
  const score = () => {
    const withinMs = deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - performance.now());
    return engine.forwardPcm(samples, starts, clipSamplesOf(options), embeddings, {
      signal,
      withinMs,
      driftFeatures,
    });
  };
  return await (waitForRoom ? retryWithPauses(score, signal) : score());
}

/** The samples from some point on, in one array that grows only as far as needed. */
class SampleWindow {
  #samples = new Float32Array(1 << 16);
  #begin = 0;
  #count = 0;

  /** Samples seen so far, forgotten ones included. */
  get end(): number {
    return this.#begin + this.#count;
  }

  append(block: Float32Array): void {
    const needed = this.#count + block.length;
    if (needed > this.#samples.length) {
      const larger = new Float32Array(Math.max(needed, this.#samples.length * 2));
      larger.set(this.#samples.subarray(0, this.#count));
      this.#samples = larger;
    }
    this.#samples.set(block, this.#count);
    this.#count = needed;
  }

  /** A copy of `from` to `until`, cut at the end of what is there. */
  slice(from: number, until: number): Float32Array {
    return this.#samples.slice(from - this.#begin, Math.min(until, this.end) - this.#begin);
  }

  /** Samples before `sample` are not needed any more. */
  forget(sample: number): void {
    const gone = Math.min(sample - this.#begin, this.#count);
    if (gone <= 0) return;
    this.#samples.copyWithin(0, gone, this.#count);
    this.#begin += gone;
    this.#count -= gone;
  }
}
