import type { StepResult } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { JobOptions } from '../domain.ts';
import { clock, percent } from '../formats/percentAndClock.ts';
import type { TrainingLength } from './trainingLength.ts';

/** Reports every step with its loss (smoothed over about 20 steps), learning rate and samples/s of the epoch; the display adds the time left. */
export function trainingProgress(
  onProgress: JobOptions['onProgress'],
  { steps, epochs, stepsPerEpoch }: Pick<TrainingLength, 'steps' | 'epochs' | 'stepsPerEpoch'>,
): (epoch: number, step: number, result: StepResult, learningRate: number) => void {
  let epochOfRate = -1;
  let epochBegan = 0;
  let rows = 0;
  let smooth: number | null = null;
  return (epoch, step, result, learningRate) => {
    const now = performance.now();
    if (epoch !== epochOfRate) {
      // The first step's own time is not known: it starts the clock.
      [epochOfRate, epochBegan, rows] = [epoch, now, 0];
    } else rows += result.rows;
    if (!result.skipped) smooth = smooth === null ? result.loss : 0.95 * smooth + 0.05 * result.loss;
    const done = epoch * stepsPerEpoch + step + 1;
    const rate = rows > 0 ? `  ${Math.round(rows / ((now - epochBegan) / 1000))} samples/s` : '';
    const message = `epoch ${epoch + 1}/${epochs}  loss ${(smooth ?? result.loss).toFixed(3)}  lr ${learningRate.toPrecision(3)}${rate}`;
    onProgress?.({ stage: 'train', done, total: steps, message });
  };
}

/** Steps that are timed before the time of all is told: the first ones wait for the first features. */
const TIMED_STEPS = 10;

/** Calls `tell` once, early, with how long the steps from `firstStep` on will take. */
export function timeEstimate(
  { steps }: Pick<TrainingLength, 'steps'>,
  firstStep: number,
  tell: (line: string) => void,
): () => void {
  let done = firstStep;
  let beganAt = 0;
  return () => {
    done++;
    if (done === firstStep + 1) beganAt = performance.now();
    if (done !== firstStep + 1 + TIMED_STEPS || done === steps) return;
    const secondsPerStep = (performance.now() - beganAt) / 1000 / TIMED_STEPS;
    tell(`${steps - done} steps to go, about ${clock(secondsPerStep * (steps - done))} on this machine`);
  };
}

/**
 * Whether a training may have ended too early: at its end the validation loss is the lowest, and clearly lower than
 * before the last quarter, in which the learning rate hardly moves the weights any more.
 */
export function stillImproves(history: readonly Pick<EpochRecord, 'step' | 'valLoss'>[]): boolean {
  const last = history.at(-1);
  if (last === undefined || last.valLoss === null) return false;
  const { step: steps, valLoss } = last;
  const earlier = history.filter(({ step }) => step <= 0.75 * steps).map((record) => record.valLoss ?? Infinity);
  const later = history.filter(({ step }) => step > 0.75 * steps).map((record) => record.valLoss ?? Infinity);
  return earlier.length >= 3 && valLoss <= Math.min(...later) && valLoss < 0.95 * Math.min(...earlier);
}

/** A line of `train.log` for a validated epoch. */
export function describeEpoch(record: EpochRecord, epochs: number, isBest: boolean): string {
  const parts = [
    `Epoch ${record.epoch}/${epochs}`,
    `step ${record.step}`,
    `loss ${record.trainLoss.toFixed(3)}`,
    `accuracy ${percent(record.trainAccuracy)}`,
  ];
  if (record.valLoss !== null) parts.push(`val loss ${record.valLoss.toFixed(3)}`);
  if (record.valAccuracy !== null && record.valBalancedAccuracy !== null) {
    parts.push(`val accuracy ${percent(record.valAccuracy)} (balanced ${percent(record.valBalancedAccuracy)})`);
  }
  parts.push(`lr ${record.learningRate.toPrecision(3)}`, `${Math.round(record.samplesPerS)} samples/s`);
  return `${parts.join(', ')}${isBest ? ' *' : ''}`;
}
