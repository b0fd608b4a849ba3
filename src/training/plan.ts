import type { BatchPlan } from '../../bindings/native.ts';
import type { AugmentConfig, TrainingConfig } from '../config/schema.ts';
import { type Random, randomFor } from '../random.ts';
import { addAt } from '../vectors.ts';
import type { Sampler, Unit } from './sampler.ts';

export interface PlanOptions {
  readonly augment: AugmentConfig;
  readonly training: Pick<TrainingConfig, 'seed' | 'labelSmoothing'>;
  readonly classes: number;
  readonly clipSamples: number;
  /** Mel bands and frames of a clip: where masks may lie. */
  readonly bands: number;
  readonly frames: number;
}

/**
 * Draws one training step. Equal options, epoch and step give equal plans.
 *
 * The target of a row is its primary label; background labels of the data model have no share in it, because softmax
 * scores compete. A mixed row's target is shared as its waveforms are, and label smoothing comes last.
 */
export function planStep(sampler: Sampler, options: PlanOptions, epoch: number, step: number): BatchPlan {
  const { augment, training, classes } = options;
  const place = (purpose: string) => randomFor(training.seed, purpose, epoch, step);
  const units = sampler.draw(epoch, step);
  const mixing = drawMixing(sampler, augment, units.length, place('mix'));
  const level = place('level');
  const noise = place('noise');
  return {
    recording: Int32Array.from(units, (unit) => unit.recording),
    startSample: Float64Array.from(units, (unit) => unit.startSample),
    clipSamples: options.clipSamples,
    gain: Float32Array.from(units, () => 10 ** (level.between(-augment.gainDb, augment.gainDb) / 20)),
    mixRecording: Int32Array.from(mixing, (mix) => mix?.unit.recording ?? -1),
    mixStartSample: Float64Array.from(mixing, (mix) => mix?.unit.startSample ?? 0),
    mixRatio: Float32Array.from(mixing, (mix) => mix?.ratio ?? 1),
    noiseSnrDb: Float32Array.from(units, () => {
      const snr = noise.between(augment.noiseSnrMinDb, augment.noiseSnrMaxDb);
      return noise.next() < augment.noiseProbability ? snr : Number.NaN;
    }),
    noiseSeed: Uint32Array.from(units, () => noise.uint32()),
    filterDb: drawFilters(augment, units.length, place('filter')),
    bandMasks: drawMasks(augment.bandMasks, augment.bandMaskWidth, options.bands, units.length, place('bands')),
    frameMasks: drawMasks(augment.frameMasks, augment.frameMaskWidth, options.frames, units.length, place('frames')),
    target: targets(units, mixing, classes, training.labelSmoothing),
  };
}

interface Mix {
  readonly unit: Unit;
  readonly ratio: number;
}

/** Every row of a batch is mixed or none, as in between-class learning (Tokozume 2018): r is uniform in (0, 1). */
function drawMixing(sampler: Sampler, augment: AugmentConfig, rows: number, random: Random): (Mix | null)[] {
  const mixed = random.next() < augment.mixProbability;
  return Array.from({ length: rows }, () =>
    mixed ? { ratio: random.next(), unit: sampler.drawPartner(random) } : null,
  );
}

/** (B, K) normal gains in dB at the knots, empty where there is no filter. */
function drawFilters(augment: AugmentConfig, rows: number, random: Random): Float32Array {
  if (augment.filterDb === 0) return new Float32Array(0);
  return Float32Array.from({ length: rows * augment.filterKnots }, () => random.normal() * augment.filterDb);
}

/** (B, 2 * masks) start and width; the width is uniform in 0..widest, the start uniform where the mask fits. */
function drawMasks(masks: number, widest: number, extent: number, rows: number, random: Random): Int32Array {
  const drawn = new Int32Array(rows * masks * 2);
  for (let i = 0; i < drawn.length; i += 2) {
    const width = Math.min(extent, random.int(widest + 1));
    drawn[i] = random.int(extent - width + 1);
    drawn[i + 1] = width;
  }
  return drawn;
}

function targets(units: readonly Unit[], mixing: readonly (Mix | null)[], classes: number, smoothing: number) {
  const target = new Float32Array(units.length * classes).fill(smoothing / classes);
  const add = (row: number, label: number, share: number) => {
    const at = row * classes + label;
    addAt(target, at, (1 - smoothing) * share);
  };
  units.forEach((unit, row) => {
    const mix = mixing[row];
    add(row, unit.label, mix ? mix.ratio : 1);
    if (mix) add(row, mix.unit.label, 1 - mix.ratio);
  });
  return target;
}
