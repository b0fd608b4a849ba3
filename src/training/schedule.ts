import type { SchedulerConfig } from '../config/schema.ts';
import type { TrainingLength } from './trainingLength.ts';

/** Where training is; all counts are 0-based. */
export interface Place {
  readonly epoch: number;
  /** In the epoch. */
  readonly step: number;
  readonly length: Pick<TrainingLength, 'steps' | 'stepsPerEpoch'>;
}

/**
 * The learning rate of a step. `StepLR` changes between epochs as PyTorch's does. `CosineWarmup` changes every step: it
 * rises evenly over the warm-up and then follows half a cosine down to `minLrRatio` at the last step.
 */
export function learningRateAt(learningRate: number, scheduler: SchedulerConfig, place: Place): number {
  if (scheduler._target_ === 'torch.optim.lr_scheduler.StepLR') {
    return learningRate * scheduler.gamma ** Math.floor(place.epoch / scheduler.stepSize);
  }
  const { steps, stepsPerEpoch } = place.length;
  const step = place.epoch * stepsPerEpoch + place.step;
  const warmup = Math.round(scheduler.warmupEpochs * stepsPerEpoch);
  if (step < warmup) return (learningRate * (step + 1)) / (warmup + 1);
  const last = steps - 1;
  const share = last > warmup ? (step - warmup) / (last - warmup) : 0;
  const cosine = 0.5 * (1 + Math.cos(Math.PI * share));
  return learningRate * (scheduler.minLrRatio + (1 - scheduler.minLrRatio) * cosine);
}
