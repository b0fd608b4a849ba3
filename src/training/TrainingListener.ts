/** What a training tells while it goes on. It knows nobody who listens. */
import type { StepResult } from '../../bindings/native.ts';
import type { EpochRecord } from '../checkpoint/metadata.ts';
import type { Label } from '../domain.ts';
import type { TrainingLength } from './trainingLength.ts';

/** Before the first step of this process. */
export interface TrainingStarted {
  /** The classes to learn, in the order of the scores. */
  readonly labels: readonly Label[];
  readonly recordings: { readonly train: number; readonly val: number };
  readonly length: TrainingLength;
  readonly device: 'cpu' | 'cuda';
  readonly precision: 'f32' | 'bf16' | 'fp16';
  readonly threads: number;
  readonly loaderThreads: number;
  /** What was left out of training, and why: a line each. */
  readonly notes: readonly string[];
}

/** One optimizer step, with all that was measured. */
export interface TrainingStep extends StepResult {
  /** 0-based. */
  readonly epoch: number;
  /** 1-based, of the whole training. */
  readonly step: number;
  readonly learningRate: number;
}

/** After the last step. */
export interface TrainingEnded {
  /** The validated epochs, in order. */
  readonly history: readonly EpochRecord[];
  readonly best: EpochRecord;
  readonly length: TrainingLength;
}

/**
 * Told in this order: `restored`, `started`, then `stepped` for each step and `saved` for each validated epoch, `ended`. A
 * promise is awaited before the training goes on, and what is thrown ends it.
 */
export interface TrainingListener {
  /** What earlier processes did of this run; empty for a new one. Of a finished run nothing else is told. */
  restored?(history: readonly EpochRecord[]): void | Promise<void>;
  /** Before the first step of this process. */
  started?(training: TrainingStarted): void | Promise<void>;
  /** In the order of the steps, while the next ones are computed: it must not take long. */
  stepped?(step: TrainingStep): void;
  /** A validated epoch is in the checkpoints. */
  saved?(record: EpochRecord, isBest: boolean): void | Promise<void>;
  /** After the last step, or where a training stops early. */
  ended?(training: TrainingEnded): void | Promise<void>;
}

/** All of them as one, told one after the other. */
export function allListeners(listeners: readonly TrainingListener[]): Required<TrainingListener> {
  return {
    async restored(history) {
      for (const listener of listeners) await listener.restored?.(history);
    },
    async started(training) {
      for (const listener of listeners) await listener.started?.(training);
    },
    stepped(step) {
      for (const listener of listeners) listener.stepped?.(step);
    },
    async saved(record, isBest) {
      for (const listener of listeners) await listener.saved?.(record, isBest);
    },
    async ended(training) {
      for (const listener of listeners) await listener.ended?.(training);
    },
  };
}
