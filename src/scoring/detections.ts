import { timeAt } from '../absoluteTime.ts';
import type { ClipPrediction, Detection, Label } from '../domain.ts';
import { isEmptyClip } from './emptyClips.ts';
import { rankLabels } from './rankLabels.ts';

export interface DetectionOptions {
  readonly labels: readonly Label[];
  /** Never reported. */
  readonly noEventLabels: readonly Label[];
  /** Least score of a clip, 0..1. */
  readonly minScore: number;
  /** At most so many labels a clip. */
  readonly topK: number;
  /** Neighbouring clips of one label become one detection with the best of their scores. */
  readonly merge: boolean;
  readonly durationS: number;
  readonly recordedAt: string | null;
}

/**
 * Detections of clips, in order of time. Clips are neighbours when nothing lies between them: they overlap or touch. A detection
 * ends where the recording ends, even if its last clip was filled up with silence. An empty clip (`isEmptyClip`) has none.
 */
export function detectionsOf(clips: readonly ClipPrediction[], options: DetectionOptions): Detection[] {
  const { labels, noEventLabels, minScore, topK, merge, durationS, recordedAt } = options;
  const found: { startS: number; endS: number; label: Label; score: number }[] = [];
  const open = new Map<Label, { startS: number; endS: number; label: Label; score: number }>();
  for (const clip of clips) {
    if (isEmptyClip(clip, durationS)) continue;
    const { startS, endS, scores } = clip;
    const detected = rankLabels(labels, scores, noEventLabels, minScore).slice(0, topK);
    for (const { label, score } of detected) {
      const last = merge ? open.get(label) : undefined;
      // Grid positions are sums of floating-point hops: a microsecond is no gap.
      if (last !== undefined && startS <= last.endS + 1e-6) {
        last.endS = endS;
        last.score = Math.max(last.score, score);
      } else {
        const detection = { startS, endS, label, score };
        found.push(detection);
        open.set(label, detection);
      }
    }
  }
  return found
    .sort((a, b) => a.startS - b.startS || b.score - a.score)
    .map(({ startS, endS, label, score }) => ({
      startS,
      endS: Math.max(startS, Math.min(endS, durationS)),
      lowHz: null,
      highHz: null,
      label,
      score,
      at: timeAt(recordedAt, startS),
    }));
}
