import type { FastifyBaseLogger } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge } from 'prom-client';
import { ServiceRegistry } from '../http/ServiceRegistry.ts';
import type { DriftMonitor } from './DriftMonitor.ts';
import type { Comparison } from './Evaluator.ts';

/** What the drift service tells Prometheus (docs/drift.md lists it). Nothing is computed for it: the newest comparison is shown. */
export class DriftMetrics {
  readonly registry: ServiceRegistry;

  constructor(monitor: DriftMonitor, logger: FastifyBaseLogger) {
    this.registry = new ServiceRegistry(logger);
    collectDefaultMetrics({ register: this.registry });
    this.#gauge('autobird_ready', '1 while there is a reference and something to compare with it', () =>
      Number(monitor.sides !== null),
    );
    this.#gauge('autobird_drift_alarm', '1 while the alarm is raised', () => Number(monitor.alarm.raised));
    this.#gauge('autobird_drift_last_evaluated_timestamp_seconds', 'When the newest rows were compared', () => {
      const { newest } = monitor;
      return newest === null ? null : newest.at.getTime() / 1000;
    });
    this.#gauge('autobird_drift_evaluation_seconds', 'How long that took', () => {
      const { newest } = monitor;
      return newest === null ? null : newest.tookMs / 1000;
    });
    this.#comparisonGauges(monitor);
    const windows = new Counter({
      name: 'autobird_drift_windows_total',
      help: 'Windows that were compared since the service began',
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(monitor.windowsClosed);
      },
    });
    windows.inc(0);
    if (monitor.webhookFailures === null) return;
    new Counter({
      name: 'autobird_drift_webhook_failures_total',
      help: 'Tries to deliver a notice of the alarm that failed since the service began',
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(monitor.webhookFailures ?? 0);
      },
    });
  }

  #comparisonGauges(monitor: DriftMonitor): void {
    const newest = () => monitor.newest?.comparison ?? null;
    const one = (name: string, help: string, value: (comparison: Comparison) => number) =>
      this.#gauge(name, help, () => {
        const comparison = newest();
        return comparison === null ? null : value(comparison);
      });
    one('autobird_drift_detected', '1 while the newest rows have drifted as a whole', ({ datasetDrift }) =>
      Number(datasetDrift),
    );
    one(
      'autobird_drift_share',
      'Share of columns of the newest rows that have drifted',
      ({ shareOfDriftedColumns }) => shareOfDriftedColumns,
    );
    this.#labelled('autobird_drift_rows', 'Rows that were compared', ['side'], () => {
      const comparison = newest();
      if (comparison === null) return [];
      const { referenceRows, currentRows } = comparison;
      return [
        [{ side: 'reference' }, referenceRows],
        [{ side: 'current' }, currentRows],
      ];
    });
    this.#labelled('autobird_drift_confidence', 'Mean of the best score', ['side'], () => {
      const confidence = newest()?.confidence ?? null;
      if (confidence === null) return [];
      return [
        [{ side: 'reference' }, confidence.reference],
        [{ side: 'current' }, confidence.current],
      ];
    });
    const columns = () => newest()?.columns ?? [];
    this.#labelled('autobird_drift_score', "P-value or distance of a column's test", ['column', 'test'], () =>
      columns().map(({ name: column, test, score }) => [{ column, test }, score]),
    );
    this.#labelled('autobird_drift_column_detected', '1 where a column has drifted', ['column'], () =>
      columns().map(({ name: column, drifted }) => [{ column }, Number(drifted)]),
    );
    this.#labelled('autobird_drift_effect_size', "Cliff's delta or Cramér's V of a column", ['column'], () =>
      columns().flatMap(({ name: column, effect }) => (effect === null ? [] : [[{ column }, effect]])),
    );
  }

  #gauge(name: string, help: string, value: () => number | null): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        const now = value();
        // Nothing was compared yet: no figure is better than a wrong one.
        if (now === null) this.remove();
        else this.set(now);
      },
    });
  }

  #labelled<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    values: () => (readonly [Readonly<Record<Label, string>>, number])[],
  ): void {
    new Gauge<Label>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [labels, value] of values()) this.set(labels, value);
      },
    });
  }
}
