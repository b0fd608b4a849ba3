/**
 * Durations in buckets that grow by 1 %, as HdrHistogram keeps them: a percentile is off by half a percent at most,
 * whatever its size, and recording costs one logarithm.
 */
const growth = Math.log(1.01);
const smallestMs = 0.01;

export class LatencyHistogram {
  readonly #counts = new Map<number, number>();
  #total = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;

  /** @throws RangeError when `ms` is negative or no number: it would fall into no bucket and spoil every percentile. */
  record(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Expected a duration but received ${ms} ms`);
    const bucket = Math.max(0, Math.ceil(Math.log(ms / smallestMs) / growth));
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.#total++;
    this.#sumMs += ms;
    this.#minMs = Math.min(this.#minMs, ms);
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  add(other: LatencyHistogram): void {
    for (const [bucket, count] of other.#counts) this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.#total += other.#total;
    this.#sumMs += other.#sumMs;
    this.#minMs = Math.min(this.#minMs, other.#minMs);
    this.#maxMs = Math.max(this.#maxMs, other.#maxMs);
  }

  get count(): number {
    return this.#total;
  }

  /** 0 when nothing was recorded, like the other figures. */
  get meanMs(): number {
    return this.#total === 0 ? 0 : this.#sumMs / this.#total;
  }

  get minMs(): number {
    return this.#total === 0 ? 0 : this.#minMs;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** The time within which `share` (0 to 1) of the recorded ones lie; 0 when there are none. */
  percentileMs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (const bucket of [...this.#counts.keys()].sort((a, b) => a - b)) {
      seen += this.#counts.get(bucket) ?? 0;
      if (seen === this.#total && seen >= wanted && share === 1) return this.#maxMs;
      // The middle of the bucket, kept inside what was really seen.
      const middle = smallestMs * Math.exp((bucket - 0.5) * growth);
      if (seen >= wanted) return Math.min(this.#maxMs, Math.max(this.#minMs, middle));
    }
    return 0;
  }
}
