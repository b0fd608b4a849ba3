import type { ClipPrediction, Prediction, Recording } from '../domain.ts';
import type { RecordingResult } from '../reports/report.ts';
import type { MistakenClip } from '../reports/writeReport.ts';

/** The wrong predictions with the highest scores, each with its clip of the highest score. */
export class SurestMistakes {
  readonly #limit: number;
  #mistakes: MistakenClip[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(recording: Recording, result: RecordingResult, prediction: Prediction): void {
    if (result.correct || result.predicted === null) return;
    const { startS, endS } = highestScoringClip(result.predicted, prediction);
    this.#mistakes.push({ recording, result, startS, endS });
    if (this.#mistakes.length >= 2 * this.#limit + 100) this.#mistakes = this.all();
  }

  /** The surest first, of equals the first added. */
  all(): MistakenClip[] {
    const score = ({ result }: MistakenClip) => result.top[0]?.score ?? 0;
    return this.#mistakes.toSorted((a, b) => score(b) - score(a)).slice(0, this.#limit);
  }
}

function highestScoringClip(label: string, { labels, clips }: Prediction): ClipPrediction {
  const c = labels.indexOf(label);
  return clips.reduce((best, clip) => ((clip.scores[c] as number) > (best.scores[c] as number) ? clip : best));
}
