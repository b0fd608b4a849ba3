import { loadAddon } from './load.ts';
import type { EngineOptions, EngineOutput, NamedTensor, NativeEngine } from './native.ts';

/**
 * A network that only predicts. Calls run one after the other on the engine's own thread; a clip's scores do not depend
 * on the clips beside it (within 1e-5 in f32).
 */
export class Engine implements Disposable {
  readonly #native: NativeEngine;

  private constructor(native: NativeEngine) {
    this.#native = native;
  }

  /**
   * Loads the `model.*` tensors of a checkpoint. Throws InvalidArgumentError where an option is out of range or the device
   * is not there, FormatError `damaged_checkpoint` where the tensors are not those of the network.
   */
  static create(options: EngineOptions, tensors: readonly NamedTensor[]): Engine {
    return new Engine(loadAddon().createEngine(options, tensors));
  }

  /**
   * Scores clips of one stretch of samples at the model's rate; the stretch is zero beyond its ends.
   * Throws InvalidArgumentError for clips too short for the stem or too long for the positions.
   */
  async forwardPcm(
    samples: Float32Array,
    startSample: Float64Array,
    clipSamples: number,
    embeddings: boolean,
  ): Promise<EngineOutput> {
    return await this.#native.forwardPcm(samples, startSample, clipSamples, embeddings);
  }

  /** Scores ready, normalised features (B, M, T); `activity` is 0, it cannot be told from them. */
  async forwardFeatures(features: Float32Array, rows: number, embeddings: boolean): Promise<EngineOutput> {
    return await this.#native.forwardFeatures(features, rows, embeddings);
  }

  dispose(): void {
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
