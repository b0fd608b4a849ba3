import { abortable, type CallOptions } from './abortable.ts';
import { AutobirdError, OverloadedError } from './errors.ts';
import { loadAddon } from './load.ts';
import type { BatcherStats, EngineOptions, EngineOutput, NamedTensor, NativeEngine, NativeSamples } from './native.ts';
import { ownCopies } from './ownCopies.ts';

export interface ForwardOptions extends CallOptions {
  /** Milliseconds, from now, after which the result is of no use: with batching, what cannot be done by then is not computed. */
  readonly withinMs?: number | undefined;
  /** Also give what drift detection keeps of a clip. Default false. */
  readonly driftFeatures?: boolean | undefined;
}

/**
 * A network that only predicts. Calls run one after the other on the engine's own thread, or, with batching, clips of many
 * calls together; a clip's scores do not depend on the clips beside it (within 1e-5 in f32).
 */
export class Engine implements Disposable {
  readonly #native: NativeEngine;
  readonly #workers: number;
  #lastCall = 0;

  private constructor(native: NativeEngine, workers: number) {
    this.#native = native;
    this.#workers = workers;
  }

  /**
   * Loads the `model.*` tensors of a checkpoint. Throws InvalidArgumentError where an option is out of range or the device
   * is not there, FormatError `damaged_checkpoint` where the tensors are not those of the network.
   */
  static async create(options: EngineOptions, tensors: readonly NamedTensor[]): Promise<Engine> {
    return new Engine(await loadAddon().createEngine(options, await ownCopies(tensors)), options.threads);
  }

  /**
   * Scores clips of one stretch of samples at the model's rate; the stretch is zero beyond its ends. With batching, `signal`
   * takes the call out of the queue.
   * Throws InvalidArgumentError for clips too short for the stem or too long for the positions; OverloadedError where a
   * batching engine has too much to do, for its queue or for `withinMs`; AutobirdError `deadline_exceeded` where it was not
   * done in time.
   */
  async forwardPcm(
    samples: Float32Array | NativeSamples,
    startSample: Float64Array,
    clipSamples: number,
    embeddings: boolean,
    { signal, withinMs, driftFeatures = false }: ForwardOptions = {},
  ): Promise<EngineOutput> {
    const call = ++this.#lastCall;
    try {
      return await abortable(
        signal,
        () => this.#native.cancel(call),
        () =>
          this.#native.forwardPcm(samples, startSample, clipSamples, embeddings, driftFeatures, call, withinMs ?? null),
      );
    } catch (error) {
      if (!(error instanceof AutobirdError) || error.code !== 'overloaded') throw error;
      throw new OverloadedError(error.message, this.waitS, { cause: error });
    }
  }

  /** What a batching engine has done and what waits; null without batching. */
  stats(): BatcherStats | null {
    return this.#native.stats();
  }

  /** Scores ready, normalised features (B, M, T); `activity` is 0, it cannot be told from them. */
  async forwardFeatures(features: Float32Array, rows: number, embeddings: boolean): Promise<EngineOutput> {
    return await this.#native.forwardFeatures(features, rows, embeddings);
  }

  /** Seconds that what waits will take, by what the last clips took; 0 without batching. */
  get waitS(): number {
    const stats = this.stats();
    if (stats === null) return 0;
    return ((stats.queuedClips + stats.runningClips) * stats.meanClipMs) / this.#workers / 1000;
  }

  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
