/** How large a difference is, whatever the number of rows: a p-value depends on that number. */

import { countBelow, mean } from '../vectors.ts';
import { categoryCounts } from './columnTest.ts';
import { cramersV } from './stats/correlation.ts';
import { standardDeviation } from './stats/distances.ts';
import { type DriftColumn, present } from './table.ts';

export interface EffectSize {
  /** `cliffs_delta` of numbers, `cramers_v` of categories. */
  readonly kind: 'cliffs_delta' | 'cramers_v';
  /** Cliff's delta: -1 to 1, above 0 where current values are larger. Cramér's V: 0 to 1. */
  readonly value: number;
  readonly size: 'negligible' | 'small' | 'medium' | 'large';
  /** Of numbers: difference of the means in pooled standard deviations (Cohen's d), null where nothing varies. */
  readonly cohensD: number | null;
}

/** Sizes by the limits of Romano (2006) for Cliff's delta and Cohen (1988) for Cramér's V; empty columns give 0. */
export function effectSize(reference: DriftColumn, current: DriftColumn): EffectSize {
  const [before, now] = [present(reference), present(current)];
  if (before instanceof Float64Array && now instanceof Float64Array) {
    const value = cliffsDelta(before, now);
    return {
      kind: 'cliffs_delta',
      value,
      size: sizeOf(Math.abs(value), [0.147, 0.33, 0.474]),
      cohensD: cohensD(before, now),
    };
  }
  const sides = categoryCounts([...before].map(String), [...now].map(String)).map((counts) => [...counts]);
  const value = before.length === 0 || now.length === 0 ? 0 : cramersV(sides) || 0;
  return { kind: 'cramers_v', value, size: sizeOf(value, [0.1, 0.3, 0.5]), cohensD: null };
}

/** P(current > reference) - P(current < reference) of two values drawn at random. */
function cliffsDelta(reference: Float64Array, current: Float64Array): number {
  if (reference.length === 0 || current.length === 0) return 0;
  const sorted = reference.toSorted();
  let sum = 0;
  for (const value of current)
    sum += countBelow(sorted, value, false) - (sorted.length - countBelow(sorted, value, true));
  return sum / reference.length / current.length;
}

function cohensD(reference: Float64Array, current: Float64Array): number | null {
  const pooled = Math.sqrt((standardDeviation(reference) ** 2 + standardDeviation(current) ** 2) / 2);
  return pooled > 0 ? (mean(current) - mean(reference)) / pooled : null;
}

function sizeOf(value: number, [small, medium, large]: readonly [number, number, number]): EffectSize['size'] {
  if (value < small) return 'negligible';
  if (value < medium) return 'small';
  return value < large ? 'medium' : 'large';
}
