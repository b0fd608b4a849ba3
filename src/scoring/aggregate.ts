/**
 * From clip logits to a recording's scores. Training, evaluation and prediction all come through here, so a recording
 * has one score for every caller. Arithmetic is in float64 and clip by clip: the batch a clip was computed in changes nothing.
 */
import { InvalidArgumentError } from '../../bindings/errors.ts';
import type { Aggregation } from '../domain.ts';
import { addAt, indexOfLargest } from '../vectors.ts';

/** Share of the weight that every clip has alike under `activity`: steady singers count too. */
const UNIFORM_SHARE = 0.2;

/**
 * Calibrated probabilities of clips: softmax of `logits / temperature`.
 *
 * @param logits (N * C), a row a clip
 * @returns (N * C), rows sum to 1
 */
export function clipProbabilities(logits: Float32Array, classes: number, temperature: number): Float32Array {
  if (classes < 1 || logits.length % classes !== 0) {
    throw new InvalidArgumentError(`Expected logits in rows of ${classes} but received ${logits.length} values`);
  }
  const probabilities = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += classes) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[row + c] as number);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(((logits[row + c] as number) - largest) / temperature);
    for (let c = 0; c < classes; c++) {
      probabilities[row + c] = Math.exp(((logits[row + c] as number) - largest) / temperature) / sum;
    }
  }
  return probabilities;
}

/**
 * Scores of one recording from the probabilities of its clips; they sum to 1.
 *
 * - `mean`: the mean over clips.
 * - `activity`: the mean weighted by the square of each clip's activity, with a fifth of the weight spread evenly.
 *   Where nothing happens in any clip this is the mean.
 * - `majority`: the share of clips whose best class it is. The mean probability counts as one more clip: it breaks ties
 *   and keeps every score above zero.
 *
 * @param probabilities (N * C), at least one row
 * @param activity (N), see {@link ClipPrediction.activity}
 */
export function aggregateClips(
  probabilities: Float32Array,
  activity: Float32Array,
  classes: number,
  aggregation: Aggregation,
): Float32Array {
  const clips = probabilities.length / classes;
  if (clips < 1 || clips !== activity.length) {
    throw new InvalidArgumentError(`Expected one activity a clip and at least one clip but received ${clips} clips`);
  }
  if (aggregation === 'activity') return weightedMean(probabilities, classes, activityWeights(activity));
  const uniform = new Float64Array(clips).fill(1 / clips);
  const mean = weightedMean(probabilities, classes, uniform);
  return aggregation === 'mean' ? mean : votes(probabilities, classes, mean);
}

function activityWeights(activity: Float32Array): Float64Array {
  let sum = 0;
  for (const a of activity) sum += a * a;
  const even = 1 / activity.length;
  return Float64Array.from(activity, (a) =>
    sum > 0 ? UNIFORM_SHARE * even + ((1 - UNIFORM_SHARE) * a * a) / sum : even,
  );
}

function weightedMean(probabilities: Float32Array, classes: number, weights: Float64Array): Float32Array {
  const scores = new Float64Array(classes);
  for (let clip = 0; clip < weights.length; clip++) {
    const weight = weights[clip] as number;
    for (let c = 0; c < classes; c++) {
      scores[c] = (scores[c] as number) + weight * (probabilities[clip * classes + c] as number);
    }
  }
  return Float32Array.from(scores);
}

function votes(probabilities: Float32Array, classes: number, mean: Float32Array): Float32Array {
  const clips = probabilities.length / classes;
  const scores = Float64Array.from(mean);
  for (let clip = 0; clip < clips; clip++) {
    const best = indexOfLargest(probabilities.subarray(clip * classes, (clip + 1) * classes));
    addAt(scores, best, 1);
  }
  return Float32Array.from(scores, (score) => score / (clips + 1));
}
