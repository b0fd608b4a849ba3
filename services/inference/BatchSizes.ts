import type { Registry } from 'prom-client';
import type { BatcherStats } from '../../src/index.ts';

/** Largest batch of each of `BatcherStats.batchSizes`; the last has no limit. */
const bounds = [1, 2, 4, 8, 16, 32, 64] as const;

/**
 * A histogram of how many clips were computed together, made of what the workers counted themselves: prom-client's own one
 * takes single observations only.
 */
export class BatchSizes {
  readonly name = 'autobird_batch_clips';
  readonly #stats: () => readonly (readonly [model: string, stats: BatcherStats])[];

  /** `stats` gives those of each model. */
  constructor(registry: Registry, stats: () => readonly (readonly [model: string, stats: BatcherStats])[]) {
    this.#stats = stats;
    registry.registerMetric(this as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  /** What the registry asks for. */
  async get(): Promise<object> {
    const { name } = this;
    const values = this.#stats().flatMap(([model, { batchSizes, batches, clips }]) => {
      let upTo = 0;
      const buckets = bounds.map((le, index) => {
        upTo += batchSizes[index] as number;
        return { metricName: `${name}_bucket`, labels: { le: String(le), model }, value: upTo };
      });
      return [
        ...buckets,
        { metricName: `${name}_bucket`, labels: { le: '+Inf', model }, value: batches },
        { metricName: `${name}_sum`, labels: { model }, value: clips },
        { metricName: `${name}_count`, labels: { model }, value: batches },
      ];
    });
    return { name, help: 'Clips that were computed together', type: 'histogram', values, aggregator: 'sum' };
  }

  /** The workers' counts end with their model. */
  reset(): void {}
}
