import type { Aggregation } from '../domain.ts';
import { aggregateClips, clipProbabilities } from './aggregate.ts';
import { negativeLogLikelihood, type ScoredItem } from './metrics.ts';

/** A recording with the logits of its clips. */
export interface ClipLogits {
  /** Index into the labels; beyond the model's classes where the model does not know it. */
  readonly truth: number;
  /** (N * C), at least one row */
  readonly logits: Float32Array;
  /** (N) */
  readonly activity: Float32Array;
}

/** Recordings scored from the logits of their clips, as prediction does it. */
export function scoreRecordings(
  recordings: readonly ClipLogits[],
  classes: number,
  aggregation: Aggregation,
  temperature: number,
): ScoredItem[] {
  return recordings.map(({ truth, logits, activity }) => ({
    truth,
    scores: aggregateClips(clipProbabilities(logits, classes, temperature), activity, classes, aggregation),
  }));
}

const AGGREGATIONS: readonly Aggregation[] = ['mean', 'activity', 'majority'];

/**
 * The way of aggregation with the lowest loss, each at its own best temperature; `fixed` names one of them.
 * Without a recording of a known class there is nothing to choose by: `mean` and 1.
 */
export function calibrate(
  recordings: readonly ClipLogits[],
  classes: number,
  fixed: Aggregation | 'auto',
): { aggregation: Aggregation; temperature: number; loss: number | null } {
  const candidates = (fixed === 'auto' ? AGGREGATIONS : [fixed]).map((aggregation) => {
    const temperature = fitTemperature(recordings, classes, aggregation);
    return { aggregation, temperature, loss: lossAt(recordings, classes, aggregation, temperature) };
  });
  return candidates.reduce((best, next) => ((next.loss ?? 0) < (best.loss ?? 0) ? next : best));
}

/** Standard deviation of the logarithm of temperatures that networks need: what holds a handful of recordings back. */
const PRIOR_SPREAD = 0.7;

/**
 * The temperature by which logits are divided so that the recordings' scores are least surprised by the truth: golden
 * section on its logarithm in 0.05..20, after Guo 2017 but on aggregated scores, because those are what is reported. A
 * log-normal prior around 1 weighs as much as one recording or two, so that ten of them cannot lead to an extreme. Votes
 * hardly depend on the temperature, scores of clips do: for `majority` it is that of the mean.
 */
export function fitTemperature(recordings: readonly ClipLogits[], classes: number, aggregation: Aggregation): number {
  const known = recordings.filter(({ truth }) => truth < classes).length;
  if (known === 0) return 1;
  const soft = aggregation === 'majority' ? 'mean' : aggregation;
  const loss = (logT: number) =>
    (lossAt(recordings, classes, soft, Math.exp(logT)) as number) + (logT / PRIOR_SPREAD) ** 2 / (2 * known);
  return Math.exp(minimise(loss, Math.log(0.05), Math.log(20)));
}

function lossAt(recordings: readonly ClipLogits[], classes: number, aggregation: Aggregation, temperature: number) {
  return negativeLogLikelihood(scoreRecordings(recordings, classes, aggregation, temperature));
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The least of a function of one variable. A coarse grid first: aggregated scores may have more than one valley. */
function minimise(f: (x: number) => number, from: number, to: number): number {
  const points = 24;
  const grid = Array.from({ length: points + 1 }, (_, i) => from + ((to - from) * i) / points);
  const values = grid.map(f);
  const best = values.indexOf(Math.min(...values));
  let low = grid[Math.max(0, best - 1)] as number;
  let high = grid[Math.min(points, best + 1)] as number;
  let left = high - GOLDEN * (high - low);
  let right = low + GOLDEN * (high - low);
  let atLeft = f(left);
  let atRight = f(right);
  while (high - low > 1e-5) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = f(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = f(right);
    }
  }
  return (low + high) / 2;
}
