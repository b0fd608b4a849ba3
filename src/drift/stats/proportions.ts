/** Tests of counts in categories. */

import { total } from '../../vectors.ts';
import { chiSquareTail, twoSidedNormalTail } from './special.ts';

/**
 * χ² goodness of fit of the current counts to the reference's shares, the reference taken as known (Evidently's way). A
 * category that the reference never had makes the p-value 0.
 */
export function chiSquare(reference: Float64Array, current: Float64Array): number {
  const scale = total(current) / total(reference);
  const statistic = current.reduce((sum, observed, i) => {
    const expected = (reference[i] as number) * scale;
    return sum + (observed - expected) ** 2 / expected;
  }, 0);
  return reference.length < 2 ? 1 : chiSquareTail(statistic, reference.length - 1);
}

/** Two-sided Z test of one proportion in two samples, with the pooled variance. */
export function proportionTest(hitsA: number, sizeA: number, hitsB: number, sizeB: number): number {
  const [a, b] = [hitsA / sizeA, hitsB / sizeB];
  const pooled = (a * sizeA + b * sizeB) / (sizeA + sizeB);
  return twoSidedNormalTail((a - b) / Math.sqrt(pooled * (1 - pooled) * (1 / sizeA + 1 / sizeB)));
}
