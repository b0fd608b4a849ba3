import type { FastifyBaseLogger } from 'fastify';
import { AggregatorRegistry, type Metric, Registry } from 'prom-client';

export type MetricValues = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** A registry of which a metric that cannot be read costs itself only. */
export class ServiceRegistry extends Registry {
  readonly #logger: FastifyBaseLogger;
  readonly #failing = new Set<string>();

  constructor(logger: FastifyBaseLogger) {
    super();
    this.#logger = logger;
  }

  override registerMetric<T extends string>(metric: Metric<T>): void {
    const { name } = metric as unknown as { readonly name: string };
    // A histogram's `get` calls the other one.
    const method = 'getForPromString' in metric ? 'getForPromString' : 'get';
    const read = (metric as unknown as Record<string, () => Promise<object>>)[method]?.bind(metric);
    const safe = async () => {
      try {
        const values = await read?.();
        this.#failing.delete(name);
        return values;
      } catch (error) {
        if (!this.#failing.has(name)) this.#logger.warn({ err: error, metric: name }, 'A metric cannot be read');
        this.#failing.add(name);
        const { help, type, aggregator } = metric as unknown as Readonly<Record<string, string>>;
        return { name, help, type, aggregator, values: [] };
      }
    };
    Object.assign(metric, { [method]: safe });
    super.registerMetric(metric);
  }

  /** What was counted so far, without what is measured at this instant. */
  async counted(): Promise<MetricValues> {
    const all = this.getMetricsAsArray() as unknown as readonly (Metric & { readonly type: string })[];
    return (await Promise.all(all.filter(isCounted).map((metric) => metric.get()))) as unknown as MetricValues;
  }
}

/** Counters and histograms: what must not fall when a process ends. */
export function countersOf(metrics: MetricValues): MetricValues {
  return metrics.filter((metric) => isCounted(metric as unknown as { type: string }));
}

function isCounted({ type }: { readonly type: string }): boolean {
  return type === 'counter' || type === 'histogram';
}

/** The metrics of several processes as those of one, by the aggregator of each. */
export function merged(all: readonly MetricValues[]): Registry {
  return AggregatorRegistry.aggregate([...all]) as Registry;
}
