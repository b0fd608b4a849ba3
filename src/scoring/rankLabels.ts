import type { Label } from '../domain.ts';

export interface RankedLabel {
  readonly label: Label;
  readonly score: number;
}

/** Labels with their scores, the highest first; equal scores keep the order of the labels. Those of `without` are left out. */
export function rankLabels(
  labels: readonly Label[],
  scores: ArrayLike<number>,
  without: readonly Label[] = [],
): RankedLabel[] {
  return labels
    .map((label, index) => ({ label, score: scores[index] ?? 0 }))
    .filter(({ label }) => !without.includes(label))
    .sort((a, b) => b.score - a.score);
}
