import type { EpochRecord } from '../../checkpoint/metadata.ts';
import { clock, percent } from '../../formats/percentAndClock.ts';
import type { TrainingListener } from '../TrainingListener.ts';
import type { TrainingLength } from '../trainingLength.ts';

/** Steps that are timed before the time of all is told: the first ones wait for the first features. */
const TIMED_STEPS = 10;

/** Lines worth keeping, for people: what is trained on what and how, how long it will take, each validated epoch, the best. */
export function trainLog(note: (line: string) => Promise<void>): TrainingListener {
  let length: Pick<TrainingLength, 'steps' | 'epochs'> = { steps: 0, epochs: 0 };
  let done: readonly EpochRecord[] = [];
  let firstStep: { readonly step: number; readonly atMs: number } | null = null;
  let told = Promise.resolve();
  return {
    restored(history) {
      done = history;
    },
    async started(training) {
      const { labels, recordings, device, precision, threads, loaderThreads, notes } = training;
      length = training.length;
      for (const line of notes) await note(line);
      await note(`Learns ${labels.length} classes from ${recordings.train} recordings, validates on ${recordings.val}`);
      await note(`Trains ${training.length.note}`);
      await note(`Trains on ${device} in ${precision} with ${threads} threads, ${loaderThreads} for features`);
      const last = done.at(-1);
      if (last !== undefined) await note(`Goes on after epoch ${last.epoch} of ${length.epochs}`);
    },
    stepped({ step }) {
      firstStep ??= { step, atMs: performance.now() };
      if (step !== firstStep.step + TIMED_STEPS || step === length.steps) return;
      const leftS = ((length.steps - step) * (performance.now() - firstStep.atMs)) / 1000 / TIMED_STEPS;
      told = note(`${length.steps - step} steps to go, about ${clock(leftS)} on this machine`);
      told.catch(() => {}); // It is thrown by whoever awaits it next.
    },
    async saved(record, isBest) {
      await told;
      await note(describeEpoch(record, length.epochs, isBest));
    },
    async ended({ history, best, length: { steps, epochs } }) {
      const last = history.at(-1) as EpochRecord;
      if (last.epoch < epochs) await note(`Stopped early: no better epoch since epoch ${best.epoch}`);
      await note(`Best: ${describeEpoch(best, epochs, false)}`);
      if (stillImproves(history)) {
        await note(`It still got better at the end: training.steps=${2 * steps} in a new run may be better still`);
      }
    },
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
  const lossesOf = (records: typeof history) => records.map((record) => record.valLoss ?? Number.POSITIVE_INFINITY);
  const earlier = lossesOf(history.filter(({ step }) => step <= 0.75 * steps));
  const later = lossesOf(history.filter(({ step }) => step > 0.75 * steps));
  return earlier.length >= 3 && valLoss <= Math.min(...later) && valLoss < 0.95 * Math.min(...earlier);
}

function describeEpoch(record: EpochRecord, epochs: number, isBest: boolean): string {
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
