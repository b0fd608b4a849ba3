import type { Label } from '../domain.ts';

export interface RankedLabel {
  readonly label: Label;
  readonly score: number;
}

/**
 * Labels with their scores, the highest first; equal scores keep the order of the labels. Labels of `without` and scores below
 * `minScore` are left out before sorting: thousands of classes have few scores that matter.
 */
export function rankLabels(
  labels: readonly Label[],
  scores: ArrayLike<number>,
  without: readonly Label[] = [],
  minScore: number | null = null,
): RankedLabel[] {
  return labels
    .map((label, index) => ({ label, score: scores[index] ?? 0 }))
    .filter(({ label, score }) => (minScore === null || score >= minScore) && !without.includes(label))
    .sort((a, b) => b.score - a.score);
}
