import { AutobirdError } from '../../bindings/errors.ts';
import type { Trainer } from '../../bindings/index.ts';
import type { StepResult } from '../../bindings/native.ts';
import type { OptimizerConfig, SchedulerConfig } from '../config/schema.ts';
import { type PlanOptions, planStep } from './plan.ts';
import type { Sampler } from './sampler.ts';
import { learningRateAt } from './schedule.ts';

/** Steps given to the trainer ahead: it makes the features of the next ones while one is computed. */
const STEPS_IN_FLIGHT = 3;

export interface EpochOptions {
  readonly trainer: Trainer;
  readonly sampler: Sampler;
  readonly plan: PlanOptions;
  readonly optimizer: Pick<OptimizerConfig, 'lr'>;
  readonly scheduler: SchedulerConfig;
  readonly epochs: number;
  readonly signal?: AbortSignal | undefined;
  /** After every step. */
  readonly onStep: (step: number, result: StepResult, learningRate: number) => void;
}

/** Sums over the rows trained so far. */
export interface TrainTotals {
  rows: number;
  loss: number;
  correct: number;
  durationS: number;
}

/**
 * Trains one epoch and adds it to `totals`; resolves when its last step is done. Gives the last learning rate.
 *
 * @throws AutobirdError `diverged` when the loss is no number any more
 */
export async function trainEpoch(epoch: number, totals: TrainTotals, options: EpochOptions): Promise<number> {
  const { trainer, sampler, optimizer, scheduler, epochs, signal } = options;
  const { stepsPerEpoch } = sampler;
  const started = performance.now();
  const inFlight: Promise<void>[] = [];
  let learningRate = 0;
  try {
    for (let step = 0; step < stepsPerEpoch; step++) {
      signal?.throwIfAborted();
      const rate = learningRateAt(optimizer.lr, scheduler, { epoch, step, stepsPerEpoch, epochs });
      learningRate = rate;
      const result = trainer.step(planStep(sampler, options.plan, epoch, step), { learningRate: rate });
      inFlight.push(
        result.then((done) => {
          add(totals, done, epoch, step);
          options.onStep(step, done, rate);
        }),
      );
      if (inFlight.length >= STEPS_IN_FLIGHT) await inFlight.shift();
    }
    for (const step of inFlight) await step;
  } catch (error) {
    trainer.abort();
    await Promise.allSettled(inFlight);
    signal?.throwIfAborted();
    throw error;
  }
  totals.durationS += (performance.now() - started) / 1000;
  return learningRate;
}

function add(totals: TrainTotals, result: StepResult, epoch: number, step: number): void {
  // With fp16 a step whose gradients overflow is skipped by the scaler; its loss may well be no number.
  if (!Number.isFinite(result.loss) && !result.skipped) {
    throw new AutobirdError(
      'diverged',
      `The loss is ${result.loss} at epoch ${epoch + 1}, step ${step + 1}: lower optimizer.lr, or set training.grad_clip`,
    );
  }
  if (result.skipped) return;
  totals.rows += result.rows;
  totals.loss += result.loss * result.rows;
  totals.correct += result.correct;
}
