import type { Counter, Histogram, Registry } from 'prom-client';

/** One line of a metric; `metricName` where it is not the metric's own (`…_bucket`, `…_sum`, `…_count`). */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface SnapshotMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  /** Called at each scrape of Prometheus. */
  readonly values: () => readonly Sample[];
}

/**
 * A metric whose counts are made elsewhere. prom-client's own counters and histograms make and sort a key of the labels
 * for each observation, and take no counts that somebody else has made.
 */
export function registerSnapshot(registry: Registry, { values, ...about }: SnapshotMetric): void {
  const shown = { ...about, aggregator: 'sum' };
  const metric = { ...shown, get: async () => ({ ...shown, values: values() }), reset: () => {} };
  // The registry needs no more than this; its types name the library's own classes only.
  registry.registerMetric(metric as unknown as Counter | Histogram);
}

/** The lines of a histogram: `counts` of each bucket alone, the last one beyond all `bounds`. */
export function histogramSamples(
  name: string,
  labels: Readonly<Record<string, string>>,
  bounds: readonly number[],
  counts: ArrayLike<number>,
  sum: number,
): Sample[] {
  let below = 0;
  const buckets = Array.from(counts, (count, i) => {
    below += count;
    return { metricName: `${name}_bucket`, labels: { le: bounds[i] ?? '+Inf', ...labels }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: below },
  ];
}
