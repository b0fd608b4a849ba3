/**
 * Which stretch of which recording a training row is made of. Draws are made from the seed and the place alone.
 *
 * With `crop: grid` the units are the training clips. With `crop: random` they are the training recordings, each as
 * likely as another of its class whatever its length, and the stretch lies anywhere in it: by preference where it is
 * active (`augment.activity`), uniformly for the rest.
 */
import type { AugmentConfig, TrainingConfig } from '../config/schema.ts';
import { type Random, randomFor } from '../random.ts';

/** What can be drawn: one training clip or one training recording. */
export interface Unit {
  /** Index into the shard set. */
  readonly recording: number;
  /** Where the clip of a grid begins; ignored by random crops. */
  readonly startSample: number;
  /** Index into the labels. */
  readonly label: number;
}

/** A recording as the crops see it. */
export interface CropSource {
  readonly sampleCount: number;
  /** How much happens in each `profileStepSamples`; null for uniform crops only. */
  readonly profile: Float32Array | null;
}

export interface SamplerOptions {
  readonly units: readonly Unit[];
  /** By index into the shard set; every unit's recording has one. */
  readonly sources: ReadonlyMap<number, CropSource>;
  readonly clipSamples: number;
  readonly profileStepSamples: number;
  readonly augment: Pick<AugmentConfig, 'crop' | 'activity'>;
  readonly training: Pick<TrainingConfig, 'sampling' | 'batchSize' | 'seed'>;
  /** See `TrainingLength`. */
  readonly rowsPerEpoch: number;
}

export class Sampler {
  readonly #options: SamplerOptions;
  /** Sum of the weights up to and including each unit. */
  readonly #cumulative: Float64Array;
  /** Squared moving average of the profile over a clip, summed up, for each recording. */
  readonly #activity = new Map<number, Float64Array>();
  #pass: { index: number; order: Uint32Array } | null = null;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#cumulative = cumulativeWeights(options.units, options.training.sampling);
    for (const [recording, { profile }] of options.sources) {
      if (profile === null) continue;
      const stepsPerClip = Math.max(1, Math.round(options.clipSamples / options.profileStepSamples));
      this.#activity.set(recording, cumulativeActivity(profile, stepsPerClip));
    }
  }

  /** Rows of a step: `batchSize`, fewer in the last step of an epoch whose rows end there. */
  rowsAt(step: number): number {
    const { training, rowsPerEpoch } = this.#options;
    return Math.min(training.batchSize, rowsPerEpoch - step * training.batchSize);
  }

  /** The rows of a step, cropped. */
  draw(epoch: number, step: number): Unit[] {
    const random = randomFor(this.#options.training.seed, 'sample', epoch, step);
    const weighted = this.#options.training.sampling !== 'none';
    return Array.from({ length: this.rowsAt(step) }, (_, row) =>
      this.#crop(weighted ? this.#drawWeighted(random) : this.#nextOfPass(epoch, step, row), random),
    );
  }

  /** A row to mix in: drawn by the same weights, always with replacement. */
  drawPartner(random: Random): Unit {
    return this.#crop(this.#drawWeighted(random), random);
  }

  #drawWeighted(random: Random): Unit {
    const index = drawIndex(this.#cumulative, random);
    return this.#options.units[index] as Unit;
  }

  /** Shuffled passes without replacement; the end of one pass and the beginning of the next may share a step. */
  #nextOfPass(epoch: number, step: number, row: number): Unit {
    const { units, training, rowsPerEpoch } = this.#options;
    const place = epoch * rowsPerEpoch + step * training.batchSize + row;
    const index = Math.floor(place / units.length);
    if (this.#pass?.index !== index) {
      this.#pass = { index, order: randomFor(training.seed, 'pass', index).permutation(units.length) };
    }
    return units[this.#pass.order[place % units.length] as number] as Unit;
  }

  #crop(unit: Unit, random: Random): Unit {
    if (this.#options.augment.crop === 'grid') return unit;
    const { clipSamples, profileStepSamples } = this.#options;
    const source = this.#options.sources.get(unit.recording) as CropSource;
    const room = source.sampleCount - clipSamples;
    // A recording shorter than a clip lies anywhere in it: silence at a fixed place would be a cue.
    if (room <= 0) return { ...unit, startSample: -random.int(-room + 1) };
    const guided = random.next() < this.#options.augment.activity;
    const cumulative = this.#activity.get(unit.recording);
    if (!guided || cumulative === undefined || !((cumulative.at(-1) as number) > 0)) {
      return { ...unit, startSample: random.int(room + 1) };
    }
    const start = (drawIndex(cumulative, random) + random.next()) * profileStepSamples;
    return { ...unit, startSample: Math.min(room, Math.floor(start)) };
  }
}

/** A unit's weight by the number of units of its class: 1, 1 / sqrt(n) or 1 / n. */
function cumulativeWeights(units: readonly Unit[], sampling: TrainingConfig['sampling']): Float64Array {
  const counts = new Map<number, number>();
  for (const { label } of units) counts.set(label, (counts.get(label) ?? 0) + 1);
  const power = { none: 0, sqrt: -0.5, balanced: -1 }[sampling];
  let sum = 0;
  return Float64Array.from(units, ({ label }) => {
    sum += (counts.get(label) as number) ** power;
    return sum;
  });
}

/** For each start of a clip on the profile's steps: its mean activity, squared; summed up for drawing. */
function cumulativeActivity(profile: Float32Array, stepsPerClip: number): Float64Array {
  const prefix = new Float64Array(profile.length + 1);
  profile.forEach((value, i) => {
    prefix[i + 1] = (prefix[i] as number) + Math.max(0, value);
  });
  const starts = Math.max(1, profile.length - stepsPerClip + 1);
  const cumulative = new Float64Array(starts);
  let sum = 0;
  for (let i = 0; i < starts; i++) {
    const end = Math.min(profile.length, i + stepsPerClip);
    const mean = ((prefix[end] as number) - (prefix[i] as number)) / stepsPerClip;
    sum += mean * mean;
    cumulative[i] = sum;
  }
  return cumulative;
}

/** The index whose stretch of the summed weights holds a uniform draw. */
function drawIndex(cumulative: Float64Array, random: Random): number {
  const target = random.next() * (cumulative.at(-1) as number);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] as number) > target) high = middle;
    else low = middle + 1;
  }
  return low;
}
