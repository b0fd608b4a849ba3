import type { JobOptions } from '../../domain.ts';
import type { TrainingListener } from '../TrainingListener.ts';

/**
 * Reports every step with its loss (smoothed over about 20 steps), learning rate and samples/s of the epoch; the display
 * adds the time left.
 */
export function progressLine(onProgress: JobOptions['onProgress']): TrainingListener {
  let steps = 0;
  let epochs = 0;
  let epochOfRate = -1;
  let epochBegan = 0;
  let rows = 0;
  let smooth: number | null = null;
  return {
    started({ length }) {
      [steps, epochs] = [length.steps, length.epochs];
    },
    stepped(step) {
      const now = performance.now();
      if (step.epoch !== epochOfRate) {
        // The first step's own time is not known: it starts the clock.
        [epochOfRate, epochBegan, rows] = [step.epoch, now, 0];
      } else rows += step.rows;
      if (!step.skipped) smooth = smooth === null ? step.loss : 0.95 * smooth + 0.05 * step.loss;
      const rate = rows > 0 ? `  ${Math.round(rows / ((now - epochBegan) / 1000))} samples/s` : '';
      const message = `epoch ${step.epoch + 1}/${epochs}  loss ${(smooth ?? step.loss).toFixed(3)}  lr ${step.learningRate.toPrecision(3)}${rate}`;
      onProgress?.({ stage: 'train', done: step.step, total: steps, message });
    },
  };
}
