/** Figures of a classifier over scored items (clips or recordings), as scikit-learn defines them. */
import { addAt, indexOfLargest, total } from '../vectors.ts';

/** One item: its true label and its scores. */
export interface ScoredItem {
  /** Index into the labels; labels beyond the model's come after them. */
  readonly truth: number;
  /** (C) scores that sum to 1, in the model's order; null where there is no prediction, which counts as wrong. */
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
  /** Items for which no label could be predicted; they count as wrong. */
  readonly withoutPrediction: number;
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

/** Only the cells that are not 0: a matrix of thousands of classes is nearly empty. */
export interface Confusion {
  readonly labels: string[];
  /** Places in `labels` of what items are and what they were called (null without a prediction), and how many, in that order. */
  readonly cells: [truth: number, predicted: number | null, count: number][];
}

/** Figures of items that come one after the other and do not stay in memory. */
export class FiguresTally {
  /** The model's, then those that only the items have. */
  readonly #labels: readonly string[];
  /** By `truth * (labels + 1) + predicted`; without a prediction `predicted` is the number of labels. */
  readonly #cells = new Map<number, number>();
  #items = 0;
  #among3 = 0;

  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  add({ truth, scores }: ScoredItem): void {
    const predicted = scores === null ? this.#labels.length : indexOfLargest(scores);
    const cell = truth * (this.#labels.length + 1) + predicted;
    this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + 1);
    this.#items++;
    if (scores !== null && rankOf(scores, truth) < 3) this.#among3++;
  }

  figures(): Figures {
    const labels = [...this.#labels];
    const noLabel = labels.length;
    const cells = [...this.#cells]
      .sort(([a], [b]) => a - b)
      .map(([cell, count]) => [Math.floor(cell / (labels.length + 1)), cell % (labels.length + 1), count] as const);
    const zeros = () => new Array<number>(labels.length + 1).fill(0);
    const [support, predicted, right] = [zeros(), zeros(), zeros()];
    for (const [truth, called, count] of cells) {
      addAt(support, truth, count);
      addAt(predicted, called, count);
      if (truth === called) right[truth] = count;
    }
    const perClass = labels.map((label, c) =>
      classFigures(label, right[c] as number, support[c] as number, predicted[c] as number),
    );
    const present = perClass.filter((figure) => figure.support > 0);
    const seen = perClass.filter((figure) => figure.support > 0 || figure.predicted > 0);
    return {
      items: this.#items,
      withoutPrediction: predicted[noLabel] as number,
      accuracy: ratio(total(right), this.#items),
      balancedAccuracy: mean(present.map(({ recall }) => recall as number)),
      macroF1: mean(seen.map(({ f1 }) => f1)),
      top3: ratio(this.#among3, this.#items),
      perClass,
      confusion: {
        labels,
        cells: cells.map(([truth, called, count]) => [truth, called === noLabel ? null : called, count]),
      },
    };
  }
}

/** @param labels the model's, then those that only the items have */
export function figures(items: readonly ScoredItem[], labels: readonly string[]): Figures {
  const tally = new FiguresTally(labels);
  for (const item of items) tally.add(item);
  return tally.figures();
}

function classFigures(label: string, right: number, support: number, predicted: number): ClassFigures {
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

interface BinSums {
  items: number;
  right: number;
  confidence: number;
}

/** How well the scores of items are calibrated; items come one after the other and do not stay in memory. */
export class CalibrationTally {
  readonly #bins: BinSums[];
  #losses = 0;
  #known = 0;

  /** @param bins of equal width */
  constructor(bins: number) {
    this.#bins = Array.from({ length: bins }, () => ({ items: 0, right: 0, confidence: 0 }));
  }

  /** An item without a prediction is left out. */
  add({ truth, scores }: ScoredItem): void {
    if (scores === null) return;
    const best = indexOfLargest(scores);
    const confidence = scores[best] as number;
    const count = this.#bins.length;
    const place = Math.min(count - 1, Math.max(0, Math.ceil(confidence * count) - 1));
    const bin = this.#bins[place] as BinSums;
    bin.items++;
    bin.right += best === truth ? 1 : 0;
    bin.confidence += confidence;
    const loss = lossOf({ truth, scores });
    if (loss === null) return;
    this.#losses += loss;
    this.#known++;
  }

  /** Reliability of the best score. */
  bins(): ReliabilityBin[] {
    return this.#bins.map((bin, i) => ({
      from: i / this.#bins.length,
      to: (i + 1) / this.#bins.length,
      items: bin.items,
      accuracy: ratio(bin.right, bin.items),
      confidence: ratio(bin.confidence, bin.items),
    }));
  }

  /** See {@link negativeLogLikelihood}. */
  loss(): number | null {
    return this.#known > 0 ? this.#losses / this.#known : null;
  }
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
  const losses = items.map(lossOf).filter((loss) => loss !== null);
  return losses.length > 0 ? mean(losses) : null;
}

function lossOf({ truth, scores }: ScoredItem): number | null {
  const score = scores?.[truth];
  return score === undefined ? null : -Math.log(Math.max(score, 1e-7));
}

function ratio(part: number, all: number): number {
  return all > 0 ? part / all : 0;
}

/** 0 of none. */
function mean(values: readonly number[]): number {
  return ratio(total(values), values.length);
}
