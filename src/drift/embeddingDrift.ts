/** Whether two sets of embeddings come from the same place: two tests that look at all dimensions together. */
import { randomFor } from '../random.ts';
import { twoSidedNormalTail } from './stats/special.ts';

export interface EmbeddingDrift {
  readonly rows: { readonly reference: number; readonly current: number };
  readonly mmd: {
    /** Unbiased estimate of the squared maximum mean discrepancy; about 0 without drift. */
    readonly statistic: number;
    /** Width of the kernel: the median distance. */
    readonly bandwidth: number;
    /** Share of the permutations that differ as much. */
    readonly pValue: number;
  };
  readonly classifier: {
    /** Area under the curve of telling the sides apart, on rows it was not fitted on; 0.5 is guessing. */
    readonly auc: number;
    readonly pValue: number;
  };
  /** Either p-value is below half the level (Bonferroni). */
  readonly drifted: boolean;
}

export interface EmbeddingDriftOptions {
  /** Default 0.05. */
  readonly level?: number;
  /** Of the MMD. Default 200; the p-value cannot be below 1 / (permutations + 1). */
  readonly permutations?: number;
  /** Rows drawn from each side where there are more. Default 500. */
  readonly maxRows?: number;
  /** Default 42. */
  readonly seed?: number;
}

/** Embeddings of one width, wherever they are kept. */
export interface Embeddings {
  readonly length: number;
  at(place: number): Float32Array | undefined;
}

/**
 * Maximum mean discrepancy with a Gaussian kernel and a permutation test (Gretton et al. 2012, JMLR 13, lemma 6), and a
 * classifier two-sample test (Lopez-Paz and Oquab 2017) with a ridge classifier fitted on one half and judged on the other
 * by the Mann-Whitney test. Null where a side has fewer than 8 rows.
 */
export function embeddingDrift(
  reference: Embeddings,
  current: Embeddings,
  options: EmbeddingDriftOptions = {},
): EmbeddingDrift | null {
  const { level = 0.05, permutations = 200, maxRows = 500, seed = 42 } = options;
  const draw = (side: Embeddings, name: string) =>
    Array.from(
      randomFor(seed, `drift ${name}`).permutation(side.length).slice(0, maxRows),
      (place) => side.at(place) as Float32Array,
    );
  const [before, now] = [draw(reference, 'reference'), draw(current, 'current')];
  if (before.length < 8 || now.length < 8) return null;
  const mmd = maximumMeanDiscrepancy(before, now, permutations, seed);
  const classifier = classifierTest(before, now);
  const drifted = Math.min(mmd.pValue, classifier.pValue) < level / 2;
  return { rows: { reference: before.length, current: now.length }, mmd, classifier, drifted };
}

function maximumMeanDiscrepancy(
  before: readonly Float32Array[],
  now: readonly Float32Array[],
  permutations: number,
  seed: number,
): EmbeddingDrift['mmd'] {
  const rows = [...before, ...now];
  const count = rows.length;
  const kernel = new Float64Array(count * count);
  const distances: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) {
      const distance = squaredDistance(rows[i] as Float32Array, rows[j] as Float32Array);
      kernel[i * count + j] = distance;
      kernel[j * count + i] = distance;
      distances.push(distance);
    }
  }
  distances.sort((a, b) => a - b);
  const bandwidth = Math.sqrt(distances[distances.length >> 1] as number) || 1;
  kernel.forEach((distance, i) => {
    kernel[i] = Math.exp(-distance / (2 * bandwidth ** 2));
  });
  const identity = Uint32Array.from({ length: count }, (_, i) => i);
  const statistic = unbiased(kernel, identity, before.length);
  const random = randomFor(seed, 'drift permutations');
  let asLarge = 0;
  for (let p = 0; p < permutations; p++) {
    if (unbiased(kernel, random.permutation(count), before.length) >= statistic) asLarge++;
  }
  return { statistic, bandwidth, pValue: (asLarge + 1) / (permutations + 1) };
}

/** The first `n` of `order` against the others. */
function unbiased(kernel: Float64Array, order: Uint32Array, n: number): number {
  const count = order.length;
  const m = count - n;
  let [first, second, between] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const row = (order[i] as number) * count;
    for (let j = 0; j < i; j++) {
      const value = kernel[row + (order[j] as number)] as number;
      if (i < n) first += value;
      else if (j >= n) second += value;
      else between += value;
    }
  }
  return (2 * first) / (n * (n - 1)) + (2 * second) / (m * (m - 1)) - (2 * between) / (n * m);
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}

function classifierTest(before: readonly Float32Array[], now: readonly Float32Array[]): EmbeddingDrift['classifier'] {
  // The rows were drawn at random: every second one is a fair half.
  const half = (side: readonly Float32Array[], odd: 0 | 1) => side.filter((_, i) => i % 2 === odd);
  const weights = ridgeDirection(half(before, 0), half(now, 0));
  const score = (row: Float32Array) => row.reduce((sum, value, i) => sum + value * (weights[i] as number), 0);
  const [a, b] = [half(before, 1).map(score), half(now, 1).map(score)];
  let wins = 0;
  for (const x of b) for (const y of a) wins += x > y ? 1 : x === y ? 0.5 : 0;
  const auc = wins / (a.length * b.length);
  // One-sided: the sides differ only where the classifier is better than guessing.
  const z = (auc - 0.5) / Math.sqrt((a.length + b.length + 1) / (12 * a.length * b.length));
  const tail = twoSidedNormalTail(z) / 2;
  return { auc, pValue: z > 0 ? tail : 1 - tail };
}

/** Solves (S + λI) w = difference of the means, S the covariance within the sides, λ a tenth of its mean variance. */
function ridgeDirection(before: readonly Float32Array[], now: readonly Float32Array[]): Float64Array {
  const width = (before[0] as Float32Array).length;
  const matrix = new Float64Array(width * width);
  const means = [before, now].map((side) => {
    const mean = new Float64Array(width);
    for (const row of side) {
      for (let i = 0; i < width; i++) mean[i] = (mean[i] as number) + (row[i] as number) / side.length;
    }
    for (const row of side) {
      const centred = mean.map((value, i) => (row[i] as number) - value);
      for (let i = 0; i < width; i++) {
        for (let j = 0; j <= i; j++) {
          matrix[i * width + j] = (matrix[i * width + j] as number) + (centred[i] as number) * (centred[j] as number);
        }
      }
    }
    return mean;
  });
  const rows = before.length + now.length;
  let trace = 0;
  for (let i = 0; i < width; i++) trace += matrix[i * width + i] as number;
  for (let i = 0; i < width; i++) {
    matrix[i * width + i] = (matrix[i * width + i] as number) + 0.1 * (trace / width) + 1e-12 * rows;
  }
  const [first, second] = means as [Float64Array, Float64Array];
  return solveCholesky(
    matrix,
    first.map((value, i) => (second[i] as number) - value),
  );
}

/** Solves A x = b for a symmetric positive A of which only the lower triangle is read; A is overwritten. */
function solveCholesky(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const at = (i: number, j: number) => a[i * n + j] as number;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / at(j, j);
    }
  }
  const x = b.slice();
  for (let i = 0; i < n; i++) {
    let sum = x[i] as number;
    for (let k = 0; k < i; k++) sum -= at(i, k) * (x[k] as number);
    x[i] = sum / at(i, i);
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = x[i] as number;
    for (let k = i + 1; k < n; k++) sum -= at(k, i) * (x[k] as number);
    x[i] = sum / at(i, i);
  }
  return x;
}
