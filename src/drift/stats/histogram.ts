/** Bins as NumPy makes them, so that what is counted in them is equal too. */
import { countBelow } from '../../vectors.ts';

export interface BinnedData {
  readonly values: Float64Array;
  /** Whole numbers get no bin narrower than 1 (NumPy 2). */
  readonly integer: boolean;
}

/** Edges of `numpy.histogram_bin_edges(values, 'sturges')`. */
export function sturgesEdges({ values, integer }: BinnedData): Float64Array {
  const { low, high } = range(values);
  return edges(low, high, (high - low) / (Math.log2(values.length) + 1), integer);
}

/** Edges of so many bins of equal width, as `numpy.histogram(values, bins)` has them. */
export function equalEdges(values: Float64Array, bins: number): Float64Array {
  const { low, high } = range(values);
  return low === high ? spaced(low - 0.5, high + 0.5, bins) : spaced(low, high, bins);
}

/** How many values lie in each [edge, next edge), the last bin closed; values outside count nowhere. */
export function countInBins(values: Float64Array, binEdges: Float64Array): Float64Array {
  const sorted = values.toSorted();
  const last = binEdges.length - 1;
  const positions = Array.from(binEdges, (edge, i) => countBelow(sorted, edge, i === last));
  return Float64Array.from({ length: last }, (_, i) => (positions[i + 1] as number) - (positions[i] as number));
}

/** {@link countInBins} by width and number of values, so that the area is 1 where all values lie inside. */
export function densities(values: Float64Array, binEdges: Float64Array): Float64Array {
  const width = (i: number) => (binEdges[i + 1] as number) - (binEdges[i] as number);
  return countInBins(values, binEdges).map((count, i) => count / width(i) / values.length);
}

function edges(low: number, high: number, width: number, integer: boolean): Float64Array {
  if (low === high) return spaced(low - 0.5, high + 0.5, 1);
  const used = integer && width > 0 && width < 1 ? 1 : width;
  return spaced(low, high, used > 0 ? Math.max(1, Math.ceil((high - low) / used)) : 1);
}

function spaced(low: number, high: number, bins: number): Float64Array {
  const step = (high - low) / bins;
  return Float64Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : i * step + low));
}

function range(values: Float64Array): { readonly low: number; readonly high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
