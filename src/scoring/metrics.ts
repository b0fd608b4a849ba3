/** Figures of a classifier over scored items (clips or recordings), as scikit-learn defines them. */
import { indexOfLargest } from './aggregate.ts';

/** One item: what it is, and what the model said. */
export interface ScoredItem {
  /** Index into the labels; labels beyond the model's come after them. */
  readonly truth: number;
  /** (C) scores that sum to 1, in the model's order; null where there is no answer, which counts as wrong. */
  readonly scores: Float32Array | null;
}

export interface ClassFigures {
  readonly label: string;
  /** Null where nothing was predicted as this class. */
  readonly precision: number | null;
  /** Null where nothing is of this class. */
  readonly recall: number | null;
  readonly f1: number;
  /** Items of this class. */
  readonly support: number;
  readonly predicted: number;
}

export interface Figures {
  readonly items: number;
  readonly answered: number;
  readonly accuracy: number;
  /** Mean recall over the classes that are there. */
  readonly balancedAccuracy: number;
  /** Mean F1 over the classes that are there or were predicted. */
  readonly macroF1: number;
  /** Share of items whose class is among the three best. */
  readonly top3: number;
  readonly perClass: ClassFigures[];
  readonly confusion: Confusion;
}

export interface Confusion {
  /** Rows, and all columns but the last. */
  readonly labels: string[];
  /** `counts[truth][predicted]`; the last column counts items without an answer. */
  readonly counts: number[][];
}

/** @param labels the model's, then those that only the items have */
export function figures(items: readonly ScoredItem[], labels: readonly string[]): Figures {
  const predicted = items.map(({ scores }) => (scores === null ? labels.length : indexOfLargest(scores)));
  const counts = labels.map(() => new Array<number>(labels.length + 1).fill(0));
  items.forEach(({ truth }, i) => {
    const row = counts[truth] as number[];
    const column = predicted[i] as number;
    row[column] = (row[column] as number) + 1;
  });
  const perClass = labels.map((label, c) => classFigures(label, c, counts));
  const present = perClass.filter((figure) => figure.support > 0);
  const seen = perClass.filter((figure) => figure.support > 0 || figure.predicted > 0);
  const right = items.filter(({ truth }, i) => predicted[i] === truth).length;
  const among3 = items.filter(({ truth, scores }) => scores !== null && rankOf(scores, truth) < 3).length;
  return {
    items: items.length,
    answered: items.filter(({ scores }) => scores !== null).length,
    accuracy: ratio(right, items.length),
    balancedAccuracy: mean(present.map(({ recall }) => recall as number)),
    macroF1: mean(seen.map(({ f1 }) => f1)),
    top3: ratio(among3, items.length),
    perClass,
    confusion: { labels: [...labels], counts },
  };
}

function classFigures(label: string, c: number, counts: readonly number[][]): ClassFigures {
  const row = counts[c] as number[];
  const right = row[c] as number;
  const support = row.reduce((sum, n) => sum + n, 0);
  const predicted = counts.reduce((sum, other) => sum + (other[c] as number), 0);
  return {
    label,
    precision: predicted > 0 ? right / predicted : null,
    recall: support > 0 ? right / support : null,
    f1: support + predicted > 0 ? (2 * right) / (support + predicted) : 0,
    support,
    predicted,
  };
}

/** How many scores are above that of `label`; labels the model does not know are behind all. */
function rankOf(scores: Float32Array, label: number): number {
  const own = scores[label];
  if (own === undefined) return scores.length;
  let rank = 0;
  scores.forEach((score, c) => {
    if (score > own || (score === own && c < label)) rank++;
  });
  return rank;
}

/** A bin of a reliability diagram: items whose best score lies in (from, to]. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly items: number;
  readonly accuracy: number;
  readonly confidence: number;
}

/** Reliability of the best score over bins of equal width; items without an answer promise nothing and are left out. */
export function reliability(items: readonly ScoredItem[], bins: number): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ items: 0, right: 0, confidence: 0 }));
  for (const { truth, scores } of items) {
    if (scores === null) continue;
    const best = indexOfLargest(scores);
    const confidence = scores[best] as number;
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1))] as (typeof sums)[number];
    bin.items++;
    bin.right += best === truth ? 1 : 0;
    bin.confidence += confidence;
  }
  return sums.map((bin, i) => ({
    from: i / bins,
    to: (i + 1) / bins,
    items: bin.items,
    accuracy: ratio(bin.right, bin.items),
    confidence: ratio(bin.confidence, bin.items),
  }));
}

/** Expected calibration error (Guo 2017): mean distance of accuracy and confidence over the bins, weighted by items. */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const items = bins.reduce((sum, bin) => sum + bin.items, 0);
  const distance = bins.reduce((sum, bin) => sum + bin.items * Math.abs(bin.accuracy - bin.confidence), 0);
  return ratio(distance, items);
}

/**
 * Mean negative log of the true class's score over the items whose class the model knows; null where there are none.
 * Scores count as at least 1e-7, so one impossible item does not make the loss infinite.
 */
export function negativeLogLikelihood(items: readonly ScoredItem[]): number | null {
  const losses = items.flatMap(({ truth, scores }) => {
    const score = scores?.[truth];
    return score === undefined ? [] : [-Math.log(Math.max(score, 1e-7))];
  });
  return losses.length > 0 ? mean(losses) : null;
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function mean(values: readonly number[]): number {
  return ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
}
