import { isFailed, type PredictionResult } from '../formats/index.ts';
import { clock, counted } from '../formats/percentAndClock.ts';

/** Counts the results of predicting many recordings. */
export class Tally {
  readonly #beganAt = performance.now();
  predicted = 0;
  failed = 0;
  #withDetections = 0;
  #detections = 0;
  #audioS = 0;

  add(result: PredictionResult): void {
    if (isFailed(result)) {
      this.failed += 1;
      return;
    }
    this.predicted += 1;
    this.#audioS += result.durationS;
    this.#detections += result.detections.length;
    if (result.detections.length > 0) this.#withDetections += 1;
  }

  summary(): string {
    const total = this.predicted + this.failed;
    const elapsedS = (performance.now() - this.#beganAt) / 1000;
    const took = elapsedS < 60 ? `${elapsedS.toFixed(1)} s` : clock(elapsedS);
    const parts = [
      `${counted(total, 'recording')}, ${clock(this.#audioS)} of sound, in ${took}`,
      `${counted(this.#detections, 'detection')} in ${this.#withDetections} of them`,
    ];
    if (this.failed > 0) parts.push(`${this.failed} that could not be predicted`);
    return `${parts.join('; ')}.`;
  }
}
