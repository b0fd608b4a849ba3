import type { StepResult } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { JobOptions } from '../domain.ts';
import { percent } from '../formats/percentAndClock.ts';

/** Reports every step with its loss (smoothed over about 20 steps), learning rate and samples/s of the epoch; the display adds the time left. */
export function trainingProgress(
  onProgress: JobOptions['onProgress'],
  { epochs, stepsPerEpoch }: { readonly epochs: number; readonly stepsPerEpoch: number },
): (epoch: number, step: number, result: StepResult, learningRate: number) => void {
  const total = epochs * stepsPerEpoch;
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
    onProgress?.({ stage: 'train', done, total, message });
  };
}

/** A line of `train.log` for a validated epoch. */
export function describeEpoch(record: EpochRecord, epochs: number, isBest: boolean): string {
  const parts = [
    `Epoch ${record.epoch}/${epochs}`,
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
