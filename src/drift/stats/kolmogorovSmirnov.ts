/** The two-sample Kolmogorov-Smirnov test, as SciPy's `ks_2samp` decides between exact and asymptotic. */
import { kolmogorovTail } from './kolmogorov.ts';

export interface KolmogorovSmirnov {
  /** Largest distance of the two empirical distribution functions. */
  readonly statistic: number;
  /** Two-sided. */
  readonly pValue: number;
}

/** Above this many values in one sample the p-value is the asymptotic one. */
const maxExact = 10_000;

/** Both samples are finite and not empty. */
export function kolmogorovSmirnov(a: Float64Array, b: Float64Array): KolmogorovSmirnov {
  const [n, m] = [a.length, b.length];
  const statistic = largestDistance(a.toSorted(), b.toSorted());
  if (Math.max(n, m) <= maxExact) {
    const divisor = gcd(n, m);
    const multiple = (n / divisor) * m;
    const steps = Math.round(statistic * multiple);
    if (steps === 0) return { statistic: 0, pValue: 1 };
    const pValue = n === m ? outsideSquare(n, steps) : outsideBand(n, m, divisor, steps);
    // Rounding can leave the interval where the statistic is near 0; SciPy then takes the limit too.
    if (pValue >= 0 && pValue <= 1) return { statistic: steps / multiple, pValue };
  }
  const effective = roundHalfEven((n * m) / (n + m));
  return { statistic, pValue: kolmogorovTail(effective, statistic) };
}

function largestDistance(a: Float64Array, b: Float64Array): number {
  let [i, j, largest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i] as number, b[j] as number);
    while (i < a.length && (a[i] as number) <= value) i++;
    while (j < b.length && (b[j] as number) <= value) j++;
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length));
  }
  return largest;
}

/** Share of the lattice paths of two equal samples that leave the diagonal by `h` (Gnedenko and Korolyuk 1951), as nested products. */
function outsideSquare(n: number, h: number): number {
  let p = 0;
  for (let k = Math.floor(n / h); k >= 0; k--) {
    let product = 1;
    for (let j = 0; j < h; j++) product = ((n - k * h - j) * product) / (n + k * h + j + 1);
    p = product * (1 - p);
  }
  return 2 * p;
}

/**
 * Share of the lattice paths from (0, 0) to (m, n) that leave the band |x/m - y/n| < h / lcm(m, n), by the recursion of
 * Hodges (Arkiv för Matematik 3, 1958) in Viehmann's form (arXiv:2102.08037): the share at a cell is a mean of those of its
 * neighbours below and to the left, and 1 outside the band, so no number grows and none cancels.
 */
function outsideBand(first: number, second: number, divisor: number, h: number): number {
  const [m, n] = first > second ? [first, second] : [second, first];
  const [mg, ng] = [m / divisor, n / divisor];
  // The cells of one column that lie inside the band: `low` to `high` - 1.
  let [low, high] = [0, Math.min(Math.ceil(h / mg), n + 1)];
  const column = new Float64Array(n + 2).fill(1);
  column.fill(0, low, high);
  for (let i = 1; i <= m; i++) {
    const nextLow = Math.min(Math.max(Math.floor((ng * i - h) / mg) + 1, 0), n);
    const nextHigh = Math.min(Math.ceil((ng * i + h) / mg), n + 1);
    if (nextHigh <= nextLow) return 1;
    let below = nextLow === 0 ? 0 : 1;
    for (let j = nextLow; j < nextHigh; j++) {
      // Beyond `high` the column still holds 1; what the band has left behind is not read again.
      below = ((column[j] as number) * i + below * j) / (i + j);
      column[j] = below;
    }
    [low, high] = [nextLow, nextHigh];
  }
  return column[high - 1] as number;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** As NumPy rounds. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
