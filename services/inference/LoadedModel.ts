import { Classifier, type ClassifierOptions } from '../../src/index.ts';
import type { BatcherStats } from '../../src/service.ts';
import { monoWav } from './monoWav.ts';

/** A model that is used as long as somebody holds a lease on it, and freed after it was retired and the last one let go. */
export class LoadedModel {
  readonly name: string;
  readonly checkpoint: string;
  readonly classifier: Classifier;
  readonly loadedAt = new Date();
  #leases = 0;
  #retired = false;
  #freed = false;
  #onFreed = (_last: BatcherStats | null) => {};

  private constructor(name: string, checkpoint: string, classifier: Classifier) {
    this.name = name;
    this.checkpoint = checkpoint;
    this.classifier = classifier;
  }

  /** Opens the checkpoint and predicts once, so that the first request finds everything in place. */
  static async open(name: string, checkpoint: string, options: ClassifierOptions): Promise<LoadedModel> {
    const classifier = await Classifier.open(checkpoint, options);
    try {
      await classifier.predictFile(quietWav(classifier.clips.lengthS, classifier.features.sampleRateHz));
    } catch (error) {
      classifier.dispose();
      throw error;
    }
    return new LoadedModel(name, checkpoint, classifier);
  }

  get version(): string {
    return this.classifier.modelVersion;
  }

  lease(): Disposable & { readonly model: LoadedModel } {
    this.#leases++;
    return {
      model: this,
      [Symbol.dispose]: () => {
        this.#leases--;
        this.#freeWhenUnused();
      },
    };
  }

  /** @param onFreed given what it has computed, when it is freed */
  retire(onFreed: (last: BatcherStats | null) => void = () => {}): void {
    this.#retired = true;
    this.#onFreed = onFreed;
    this.#freeWhenUnused();
  }

  #freeWhenUnused(): void {
    if (!this.#retired || this.#leases > 0 || this.#freed) return;
    this.#freed = true;
    this.#onFreed(this.classifier.stats());
    this.classifier.dispose();
  }
}

/** Silence with one sample that is not, as a WAV file. */
function quietWav(seconds: number, rateHz: number): Uint8Array {
  const samples = Buffer.alloc(2 * Math.max(1, Math.round(seconds * rateHz)));
  samples.writeInt16LE(1000);
  return monoWav(samples, { rateHz, bitsPerSample: 16 });
}
