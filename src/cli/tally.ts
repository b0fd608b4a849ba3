import { isFailed, type PredictionResult } from '../formats/index.ts';
import { clock, counted } from '../formats/percentAndClock.ts';

/** Counts what a prediction over many recordings came to. */
export class Tally {
  readonly #beganAt = performance.now();
  answered = 0;
  failed = 0;
  #withDetections = 0;
  #detections = 0;
  #audioS = 0;

  add(result: PredictionResult): void {
    if (isFailed(result)) {
      this.failed += 1;
      return;
    }
    this.answered += 1;
    this.#audioS += result.durationS;
    this.#detections += result.detections.length;
    if (result.detections.length > 0) this.#withDetections += 1;
  }

  summary(): string {
    const total = this.answered + this.failed;
    const elapsedS = (performance.now() - this.#beganAt) / 1000;
    const took = elapsedS < 60 ? `${elapsedS.toFixed(1)} s` : clock(elapsedS);
    const parts = [
      `${counted(total, 'recording')}, ${clock(this.#audioS)} of sound, in ${took}`,
      `${counted(this.#detections, 'detection')} in ${this.#withDetections} of them`,
    ];
    if (this.failed > 0) parts.push(`${this.failed} without an answer`);
    return `${parts.join('; ')}.`;
  }
}
