import { abortable, type CallOptions } from './abortable.ts';
import { expected } from './errors.ts';
import { loadAddon } from './load.ts';
import type {
  BatchPlan,
  ClipTable,
  EngineOutput,
  NamedTensor,
  NativeTrainer,
  StepOptions,
  StepResult,
  TrainerOptions,
} from './native.ts';
import { ownCopies } from './ownCopies.ts';
import { nativeShards, type ShardSet } from './ShardSet.ts';

/**
 * A network in training. Steps run in the order of the calls on the trainer's own thread; while one computes, features of
 * the queued ones are made (of `loaderThreads` + 2 of them at most), so keep a few in flight:
 *
 * ```ts
 * using trainer = await Trainer.create(options, shards);
 * for (let i = 0; i < plans.length; i += 4) {
 *   const steps = plans.slice(i, i + 4).map((plan) => trainer.step(plan, { learningRate: 1e-3 }));
 *   for (const { loss } of await Promise.all(steps)) console.log(loss);
 * }
 * ```
 */
export class Trainer implements Disposable {
  readonly #native: NativeTrainer;
  #leave: () => void = () => {};

  private constructor(native: NativeTrainer, shards: ShardSet | null) {
    this.#native = native;
    if (shards !== null) this.#leave = shards.adopt(this);
  }

  /**
   * A network with initial weights from `options.seed`. Without shards it trains on ready features only; with them it is
   * disposed when they are. Throws InvalidArgumentError where an option is out of range or the device is not there.
   */
  static async create(options: TrainerOptions, shards: ShardSet | null): Promise<Trainer> {
    if (shards === undefined) throw expected('a ShardSet or null', 'shards', shards);
    const native = await loadAddon().createTrainer(options, shards === null ? null : nativeShards(shards));
    return new Trainer(native, shards);
  }

  /**
   * One step on clips of the shards. Throws InvalidArgumentError for a plan whose lengths do not fit each other, and
   * NativeError `diverged` when the loss stops being finite (the network stays as it was).
   */
  async step(plan: BatchPlan, options: StepOptions): Promise<StepResult> {
    return await this.#native.step(plan, options);
  }

  /** One step on ready, normalised features (B, M, T) and targets (B, C). */
  async stepFeatures(
    features: Float32Array,
    target: Float32Array,
    rows: number,
    options: StepOptions,
  ): Promise<StepResult> {
    return await this.#native.stepFeatures(features, target, rows, options);
  }

  /** Gradients of the loss on ready features in training mode, named as the weights; nothing is updated. */
  async gradients(features: Float32Array, target: Float32Array, rows: number): Promise<NamedTensor[]> {
    return await this.#native.gradients(features, target, rows);
  }

  /** Scores of clips with the averaged weights, or the current ones where there is no average. */
  evaluate(clips: ClipTable, batchSize: number, { signal }: CallOptions = {}): Promise<EngineOutput> {
    return abortable(
      signal,
      () => this.#native.abort(),
      async () => this.#native.evaluate(clips, batchSize),
    );
  }

  /** The tensors of a checkpoint (docs/checkpoint-format.md); with the optimizer, all that going on needs. */
  async exportState(withOptimizer: boolean): Promise<NamedTensor[]> {
    return await this.#native.exportState(withOptimizer);
  }

  /**
   * Goes on from what `exportState` gave, bit for bit on the CPU; from `model.*` alone with a fresh optimizer. Tensors of
   * other kinds are left alone. Steps that are called before the promise is settled run first. Throws FormatError `damaged_checkpoint`, and then nothing has changed.
   */
  async importState(tensors: readonly NamedTensor[]): Promise<void> {
    await this.#native.importState(await ownCopies(tensors));
  }

  /** Rejects what is queued with code `aborted`; the running step is finished and the trainer stays usable. */
  abort(): void {
    this.#native.abort();
  }

  dispose(): void {
    this.#leave();
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
