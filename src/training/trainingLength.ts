/** How long a training is, and when the network is validated, from the configuration and the size of the set. */
import type { TrainingConfig } from '../config/schema.ts';

/** How long a training is. */
export interface TrainingLength {
  /** Optimizer steps in all. */
  readonly steps: number;
  readonly epochs: number;
  /** Of every epoch but a last one that `steps` cuts short. */
  readonly stepsPerEpoch: number;
  /** Rows of an epoch: as many as its steps hold; of one that is a pass, its clips, which leaves the last step smaller. */
  readonly rowsPerEpoch: number;
  /** Epochs between validations; the last one is always validated. */
  readonly validateEvery: number;
  /** One line for people. */
  readonly note: string;
}

/** What there is to learn from. */
export interface SetSize {
  /** Training clips: one pass over the set. */
  readonly clips: number;
  readonly recordings: number;
}

export type LengthConfig = Pick<TrainingConfig, 'steps' | 'epochs' | 'stepsPerEpoch' | 'batchSize' | 'validations'>;

/**
 * With epochs as many, each of `stepsPerEpoch` or one pass over the training clips. With steps as many, in epochs that
 * end with a validation each.
 */
export function trainingLength(training: LengthConfig, size: SetSize): TrainingLength {
  const { batchSize, validations } = training;
  const stepsPerPass = Math.ceil(size.clips / batchSize);
  if (training.epochs !== null) {
    const { epochs } = training;
    const stepsPerEpoch = training.stepsPerEpoch ?? stepsPerPass;
    const steps = epochs * stepsPerEpoch;
    const validateEvery = validations === null ? 1 : Math.ceil(epochs / validations);
    return {
      steps,
      epochs,
      stepsPerEpoch,
      rowsPerEpoch: training.stepsPerEpoch === null ? size.clips : stepsPerEpoch * batchSize,
      validateEvery,
      note: `${steps} steps: ${epochs} epochs of ${stepsPerEpoch}`,
    };
  }
  const isAutomatic = training.steps === 'auto';
  const steps = typeof training.steps === 'number' ? training.steps : automaticSteps(size, batchSize);
  const stepsPerEpoch = Math.ceil(steps / (validations ?? Math.max(1, Math.round(steps / stepsPerPass))));
  const passes = (steps * batchSize) / size.clips;
  const why = isAutomatic ? ` (training.steps=auto, for ${size.clips} clips of ${size.recordings} recordings)` : '';
  return {
    steps,
    epochs: Math.ceil(steps / stepsPerEpoch),
    stepsPerEpoch,
    rowsPerEpoch: stepsPerEpoch * batchSize,
    validateEvery: 1,
    note: `${steps} steps${why}, ${passes.toPrecision(2)} passes over the clips, validated every ${stepsPerEpoch}`,
  };
}

/** Steps of an epoch: the last one may be cut short. */
export function stepsOfEpoch(
  { steps, stepsPerEpoch }: Pick<TrainingLength, 'steps' | 'stepsPerEpoch'>,
  epoch: number,
): number {
  return Math.min(stepsPerEpoch, steps - epoch * stepsPerEpoch);
}

/**
 * Enough passes for a large set, and enough steps for a small one: a hundred clips teach as much a step as ten thousand
 * do, and a network from random weights needs its steps whatever it sees.
 */
function automaticSteps({ clips, recordings }: SetSize, batchSize: number): number {
  const steps = Math.max((PASSES * clips) / batchSize, Math.min(STEPS_MOST, STEPS_BY_ROOT * Math.sqrt(recordings)));
  return Math.ceil(steps / 50) * 50;
}

const PASSES = 15;
/** A set of 75 training recordings gets 1,050 steps, one of 280 and more 2,000. */
const STEPS_BY_ROOT = 120;
const STEPS_MOST = 2000;
