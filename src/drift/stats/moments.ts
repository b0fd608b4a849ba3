export function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** NaN of none. */
export function mean(values: Float64Array | readonly number[]): number {
  return total(values) / values.length;
}
