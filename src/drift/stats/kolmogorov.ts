/**
 * The tail of Kolmogorov's one-sample statistic, by the regions of Simard and L'Ecuyer, "Computing the two-sided
 * Kolmogorov-Smirnov distribution", Journal of Statistical Software 39 (2011); the same limits as SciPy's `kstwo.sf`.
 */
import { logGamma } from './special.ts';

/** P(D_n ≥ x) of n independent draws; n is a whole number of at least 1. */
export function kolmogorovTail(n: number, x: number): number {
  const t = n * x;
  if (!(x > 0) || t <= 0.5) return 1;
  if (x >= 1) return 0;
  if (t <= 1) return 1 - Math.exp(logGamma(n + 1) - n * Math.log(n) + n * Math.log(2 * t - 1));
  if (t >= n - 1) return 2 * (1 - x) ** n;
  if (x >= 0.5) return clip(2 * smirnovTail(n, x));
  const nxx = t * x;
  if (n <= 140) return clip(nxx <= 4 ? 1 - durbin(n, x) : 2 * smirnovTail(n, x));
  if (nxx >= 370) return 0;
  if (nxx >= 2.2) return clip(2 * smirnovTail(n, x));
  return clip(1 - (n <= 100_000 && n * x ** 1.5 <= 1.4 ? durbin(n, x) : pelzGood(n, x)));
}

/** P(D_n⁺ ≥ x), one-sided (Birnbaum and Tingey 1951): a sum of positive terms, so nothing cancels. */
function smirnovTail(n: number, x: number): number {
  const last = Math.floor(n * (1 - x));
  const logFactorial = logGamma(n + 1);
  let sum = 0;
  for (let j = 0; j <= last; j++) {
    const rest = 1 - x - j / n;
    if (rest <= 0) continue;
    const log =
      logFactorial - logGamma(j + 1) - logGamma(n - j + 1) + (n - j) * Math.log(rest) + (j - 1) * Math.log(x + j / n);
    sum += Math.exp(log);
  }
  return x * sum;
}

/**
 * P(D_n < x) by powers of Durbin's matrix: Marsaglia, Tsang and Wang, "Evaluating Kolmogorov's distribution", Journal of
 * Statistical Software 8 (2003). Exact but for rounding.
 */
function durbin(n: number, x: number): number {
  const k = Math.ceil(n * x);
  const m = 2 * k - 1;
  const h = k - n * x;
  let base: Float64Array<ArrayBufferLike> = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) base[i * m + j] = i - j + 1 < 0 ? 0 : 1;
  }
  for (let i = 0; i < m; i++) {
    base[i * m] = (base[i * m] as number) - h ** (i + 1);
    base[(m - 1) * m + i] = (base[(m - 1) * m + i] as number) - h ** (m - i);
  }
  const corner = (m - 1) * m;
  base[corner] = (base[corner] as number) + (2 * h - 1 > 0 ? (2 * h - 1) ** m : 0);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) {
      for (let g = 1; g <= i - j + 1; g++) base[i * m + j] = (base[i * m + j] as number) / g;
    }
  }
  const centre = (k - 1) * m + k - 1;
  let power: Float64Array<ArrayBufferLike> | null = null;
  // Both are kept in range by factors of 2^-400, counted here.
  let [scale, baseScale] = [0, 0];
  const huge = 2 ** 400;
  const shrink = (matrix: Float64Array) => matrix.set(matrix.map((value) => value / huge));
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      power = power === null ? base.slice() : multiply(power, base, m);
      scale += baseScale;
      if ((power[centre] as number) > huge) {
        shrink(power);
        scale++;
      }
    }
    if (rest > 1) {
      base = multiply(base, base, m);
      baseScale *= 2;
      if ((base[centre] as number) > huge) {
        shrink(base);
        baseScale++;
      }
    }
  }
  let p = (power as Float64Array)[centre] as number;
  for (let i = 1; i <= n; i++) {
    p = (p * i) / n;
    if (p < 1 / huge) {
      p *= huge;
      scale--;
    }
  }
  return p * huge ** scale;
}

function multiply(a: Float64Array, b: Float64Array, m: number): Float64Array {
  const product = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let k = 0; k < m; k++) {
      const factor = a[i * m + k] as number;
      if (factor === 0) continue;
      for (let j = 0; j < m; j++) {
        product[i * m + j] = (product[i * m + j] as number) + factor * (b[k * m + j] as number);
      }
    }
  }
  return product;
}

/** P(D_n < x) for large n: Pelz and Good, Journal of the Royal Statistical Society B 38 (1976), three correction terms. */
function pelzGood(n: number, x: number): number {
  const z = Math.sqrt(n) * x;
  const pi2 = Math.PI ** 2;
  if (-pi2 / 8 / z ** 2 < -708) return 0;
  const q = Math.exp(-pi2 / 8 / z ** 2);
  let k = [0, 0, 0, 0];
  const terms = Math.ceil((16 * z) / Math.PI);
  for (let i = terms; i > 0; i--) {
    const m2 = (2 * i - 1) ** 2;
    const coefficients = [
      1,
      -(z ** 2) + (pi2 / 4) * m2,
      6 * z ** 6 +
        2 * z ** 4 +
        ((2 * z ** 4 - 5 * z ** 2) * pi2 * m2) / 4 +
        ((pi2 ** 2 * (1 - 2 * z ** 2)) / 16) * m2 ** 2,
      -30 * z ** 6 -
        90 * z ** 8 +
        ((pi2 * (135 * z ** 4 - 96 * z ** 6)) / 4) * m2 +
        ((pi2 ** 2 * (-60 * z ** 2 + 212 * z ** 4)) / 16) * m2 ** 2 +
        ((pi2 ** 3 * (5 - 30 * z ** 2)) / 64) * m2 ** 3,
    ];
    const factor = q ** (8 * i);
    k = k.map((value, c) => value * factor + (coefficients[c] as number));
  }
  const root = Math.sqrt(2 * Math.PI);
  const divisors = [z, 6 * z ** 4, 72 * z ** 7, 6480 * z ** 10];
  k = k.map((value, c) => (value * q * root) / (divisors[c] as number));
  const wide = Math.exp(-pi2 / 2 / z ** 2);
  let [second, third] = [0, 0];
  for (let i = terms; i > 0; i--) {
    const weight = i ** 2 * wide ** (i ** 2);
    second += weight;
    third += (3 * z ** 2 - pi2 * i ** 2) * weight;
  }
  k[2] = (k[2] as number) - (second * pi2 * root) / (36 * z ** 3);
  k[3] = (k[3] as number) + (third * pi2 * root) / (216 * z ** 6);
  return k.reduce((sum, value, c) => sum + value / n ** (c / 2), 0);
}

function clip(p: number): number {
  return Math.min(1, Math.max(0, p));
}
