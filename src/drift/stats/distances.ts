/** Distances between two samples: how far apart they are, without a test of whether that is chance. */
import { mean, total } from '../../vectors.ts';

/** First Wasserstein distance of two finite samples: the area between their distribution functions. */
function wasserstein(a: Float64Array, b: Float64Array): number {
  const [x, y] = [a.toSorted(), b.toSorted()];
  let [i, j, area] = [0, 0, 0];
  let from = Math.min(x[0] as number, y[0] as number);
  while (i < x.length || j < y.length) {
    const to = Math.min(x[i] ?? Number.POSITIVE_INFINITY, y[j] ?? Number.POSITIVE_INFINITY);
    area += Math.abs(i / x.length - j / y.length) * (to - from);
    while (i < x.length && x[i] === to) i++;
    while (j < y.length && y[j] === to) j++;
    from = to;
  }
  return area;
}

/** {@link wasserstein} in standard deviations of the reference (at least 0.001), as Evidently norms it. */
export function normedWasserstein(reference: Float64Array, current: Float64Array): number {
  return wasserstein(reference, current) / Math.max(standardDeviation(reference), 0.001);
}

/** Jensen-Shannon distance (square root of the divergence, natural logarithm) of two rows of shares; each is scaled to 1. */
export function jensenShannon(p: Float64Array, q: Float64Array): number {
  const [sumP, sumQ] = [total(p), total(q)];
  let divergence = 0;
  for (let i = 0; i < p.length; i++) {
    const [a, b] = [(p[i] as number) / sumP, (q[i] as number) / sumQ];
    const middle = (a + b) / 2;
    if (a > 0) divergence += a * Math.log(a / middle);
    if (b > 0) divergence += b * Math.log(b / middle);
  }
  return Math.sqrt(Math.max(0, divergence) / 2);
}

/** Population stability index of two rows of shares without zeros. */
export function populationStability(reference: Float64Array, current: Float64Array): number {
  return reference.reduce((sum, p, i) => sum + (p - (current[i] as number)) * Math.log(p / (current[i] as number)), 0);
}

/** Kullback-Leibler divergence of `current` from `reference`, rows of shares without zeros; each is scaled to 1. */
export function kullbackLeibler(reference: Float64Array, current: Float64Array): number {
  const [sumP, sumQ] = [total(reference), total(current)];
  return reference.reduce((sum, p, i) => {
    const [a, b] = [p / sumP, (current[i] as number) / sumQ];
    return sum + a * Math.log(a / b);
  }, 0);
}

/** Hellinger distance of two rows of shares that sum to 1, or of densities over bins of one width. */
export function hellinger(p: Float64Array, q: Float64Array, width = 1): number {
  const overlap = p.reduce((sum, value, i) => sum + Math.sqrt(value * (q[i] as number)) * width, 0);
  return Math.sqrt(1 - Math.min(1, Math.max(0, overlap)));
}

/** Population standard deviation. */
export function standardDeviation(values: Float64Array): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / values.length);
}
