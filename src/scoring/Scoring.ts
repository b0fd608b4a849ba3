/** What the logits of a model mean. It is kept in the checkpoint; everything that reads scores comes through here. */
import type { CheckpointMetadata } from '../checkpoint/metadata.ts';
import type { Label } from '../domain.ts';
import { indexOfLargest } from '../vectors.ts';
import { aggregateClips, clipProbabilities } from './aggregate.ts';

export type ScoringSettings = Pick<
  CheckpointMetadata,
  'labels' | 'noEventLabels' | 'score' | 'aggregation' | 'calibration'
>;

/** Competing scores: those of a clip, and those of a recording, sum to 1. */
export class Scoring {
  readonly #settings: ScoringSettings;
  readonly #classes: number;

  constructor(settings: ScoringSettings) {
    this.#settings = settings;
    this.#classes = settings.labels.length;
  }

  /**
   * Calibrated scores of clips.
   *
   * @param logits (N * C), a row a clip
   * @returns (N * C)
   */
  clipScores(logits: Float32Array): Float32Array {
    return clipProbabilities(logits, this.#classes, this.#settings.calibration.temperature);
  }

  /**
   * Calibrated scores of a recording, (C).
   *
   * @param clipScores (N * C), of {@link clipScores}, at least one row
   * @param activity (N), see `ClipPrediction.activity`
   */
  recordingScores(clipScores: Float32Array, activity: Float32Array): Float32Array {
    return aggregateClips(clipScores, activity, this.#classes, this.#settings.aggregation);
  }

  /**
   * The scores that a recording would have without calibration, (C): to show what that does. Calibrated log-probabilities
   * are logits divided by the temperature.
   */
  uncalibratedScores(clipScores: Float32Array, activity: Float32Array): Float32Array {
    const { temperature } = this.#settings.calibration;
    const logits = clipScores.map((score) => temperature * Math.log(Math.max(score, 1e-38)));
    return this.recordingScores(clipProbabilities(logits, this.#classes, 1), activity);
  }

  /** The best label of a recording; null where that is a no-event label. */
  topLabel(scores: Float32Array): Label | null {
    const { labels, noEventLabels } = this.#settings;
    const best = labels[indexOfLargest(scores)] as Label;
    return noEventLabels.includes(best) ? null : best;
  }
}
