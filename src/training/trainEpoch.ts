import { AutobirdError } from '../../bindings/errors.ts';
import type { Trainer } from '../../bindings/index.ts';
import type { StepResult } from '../../bindings/native.ts';
import type { OptimizerConfig, SchedulerConfig } from '../config/schema.ts';
import { type PlanOptions, planStep } from './plan.ts';
import type { Sampler } from './sampler.ts';
import { learningRateAt } from './schedule.ts';
import { stepsOfEpoch, type TrainingLength } from './trainingLength.ts';

/** Steps in the queue of the trainer: it makes the features of the next ones while one is computed. */
const STEPS_IN_FLIGHT = 3;

export interface EpochOptions {
  readonly trainer: Trainer;
  readonly sampler: Sampler;
  readonly plan: PlanOptions;
  readonly optimizer: Pick<OptimizerConfig, 'lr'>;
  readonly scheduler: SchedulerConfig;
  readonly length: TrainingLength;
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
 * @throws AutobirdError `diverged` when the loss is no number any more; `signal.reason` when aborted
 */
export async function trainEpoch(epoch: number, totals: TrainTotals, options: EpochOptions): Promise<number> {
  const { trainer, sampler, optimizer, scheduler, length, signal } = options;
  const steps = stepsOfEpoch(length, epoch);
  const started = performance.now();
  const inFlight: Promise<void>[] = [];
  let learningRate = 0;
  try {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      const rate = learningRateAt(optimizer.lr, scheduler, { epoch, step, length });
      learningRate = rate;
      const result = trainer.step(planStep(sampler, options.plan, epoch, step), { learningRate: rate });
      inFlight.push(
        result.then((done) => {
          add(totals, done);
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
    throw explained(error, epoch);
  }
  totals.durationS += (performance.now() - started) / 1000;
  return learningRate;
}

/** With fp16 a step whose gradients overflow is skipped by the scaler: it taught nothing. */
function add(totals: TrainTotals, { loss, rows, correct, skipped }: StepResult): void {
  if (skipped) return;
  totals.rows += rows;
  totals.loss += loss * rows;
  totals.correct += correct;
}

/** The addon reports only that a loss is no number: the epoch and what to do are added here. */
function explained(error: unknown, epoch: number): unknown {
  if (!(error instanceof AutobirdError) || error.code !== 'diverged') return error;
  return new AutobirdError(
    'diverged',
    `Training diverged in epoch ${epoch + 1}: lower optimizer.lr, or set training.grad_clip. The last checkpoint is good. (${error.message})`,
    { cause: error },
  );
}
