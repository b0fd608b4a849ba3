/** How two columns go together, row by row; NaN where one of them does not vary. */
import { mean, total } from '../../vectors.ts';

export function pearson(x: Float64Array, y: Float64Array): number {
  const [meanX, meanY] = [mean(x), mean(y)];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [(x[i] as number) - meanX, (y[i] as number) - meanY];
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

/** Pearson's of the ranks; equal values share the mean of theirs. */
export function spearman(x: Float64Array, y: Float64Array): number {
  return pearson(ranks(x), ranks(y));
}

/** Kendall's tau-b in n log n (Knight 1966): discordant pairs are those that sorting by the other column swaps. */
export function kendall(x: Float64Array, y: Float64Array): number {
  const order = orderBy((a, b) => at(x, a) - at(x, b) || at(y, a) - at(y, b), x.length);
  const second = Float64Array.from(order, (i) => at(y, i));
  const sameX = (i: number) => at(x, order[i] as number) === at(x, order[i - 1] as number);
  const xTies = tiedPairs(x.length, sameX);
  const bothTies = tiedPairs(x.length, (i) => sameX(i) && at(second, i) === at(second, i - 1));
  const discordant = sortCountingSwaps(second);
  const yTies = tiedPairs(x.length, (i) => at(second, i) === at(second, i - 1));
  const all = (x.length * (x.length - 1)) / 2;
  return (all - xTies - yTies + bothTies - 2 * discordant) / Math.sqrt(all - xTies) / Math.sqrt(all - yTies);
}

/** Cramér's V of a table of counts without empty rows and columns. */
export function cramersV(counts: readonly (readonly number[])[]): number {
  const rows = counts.map(total);
  const columns = (counts[0] ?? []).map((_, c) => total(counts.map((row) => row[c] as number)));
  const n = total(rows);
  let chiSquare = 0;
  counts.forEach((row, r) => {
    row.forEach((count, c) => {
      const expected = ((rows[r] as number) * (columns[c] as number)) / n;
      chiSquare += (count - expected) ** 2 / expected;
    });
  });
  const least = Math.min(rows.length, columns.length) - 1;
  return least < 1 ? Number.NaN : Math.sqrt(chiSquare / n / least);
}

/** From 1. */
function ranks(values: Float64Array): Float64Array {
  const order = orderBy((a, b) => at(values, a) - at(values, b), values.length);
  const result = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && at(values, order[to] as number) === at(values, order[from] as number)) to++;
    for (let i = from; i < to; i++) result[order[i] as number] = (from + 1 + to) / 2;
    from = to;
  }
  return result;
}

/** Sorts `values` by merging, and counts the pairs that stood the wrong way round. */
function sortCountingSwaps(values: Float64Array): number {
  const spare = new Float64Array(values.length);
  let count = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let from = 0; from < values.length; from += 2 * width) {
      const [middle, end] = [Math.min(from + width, values.length), Math.min(from + 2 * width, values.length)];
      let [left, right] = [from, middle];
      for (let i = from; i < end; i++) {
        const takesLeft = left < middle && (right >= end || at(values, left) <= at(values, right));
        if (!takesLeft) count += middle - left;
        spare[i] = takesLeft ? at(values, left++) : at(values, right++);
      }
    }
    values.set(spare);
  }
  return count;
}

/** Of `length` sorted items of which `same` says whether one equals the one before. */
function tiedPairs(length: number, same: (i: number) => boolean): number {
  let [sum, run] = [0, 1];
  for (let i = 1; i <= length; i++) {
    if (i < length && same(i)) run++;
    else {
      sum += (run * (run - 1)) / 2;
      run = 1;
    }
  }
  return sum;
}

function orderBy(compare: (a: number, b: number) => number, length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => i).sort(compare);
}

function at(values: Float64Array, i: number): number {
  return values[i] as number;
}
