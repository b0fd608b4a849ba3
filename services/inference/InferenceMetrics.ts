import type { FastifyBaseLogger } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import { type RecordingPrediction, runtimeInfo } from '../../src/index.ts';
import type { BatcherStats } from '../../src/service.ts';
import type { FairBudget } from '../http/FairBudget.ts';
import { latencyBuckets } from '../http/requestMetrics.ts';
import { ServiceRegistry } from '../http/ServiceRegistry.ts';
import { histogramSamples, registerSnapshot } from '../http/snapshotMetric.ts';
import type { LogStats, PredictionLog } from '../predictionLog/PredictionLog.ts';
import type { GatheredLog } from '../predictionLog/postgres/GatheredLog.ts';
import type { FeederStats } from '../predictionLog/postgres/PostgresFeeder.ts';
import { measureGpus } from './gpuMetrics.ts';
import type { LoadedModel } from './LoadedModel.ts';
import type { ModelStore } from './ModelStore.ts';

/** Those of BatcherStats.batchSizes. */
const batchBounds = [1, 2, 4, 8, 16, 32, 64];
/** Those of BatcherStats.waits, in seconds. */
const waitBounds = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 5];

/** What the inference service tells Prometheus (docs/monitoring.md lists it). */
export class InferenceMetrics {
  readonly registry: ServiceRegistry;
  readonly #predictions: Counter<'model' | 'version' | 'label'>;
  readonly #failures: Counter<'model' | 'code'>;
  readonly #stages: Histogram<'stage'>;
  readonly #audio: Counter<'model'>;

  constructor(logger: FastifyBaseLogger) {
    this.registry = new ServiceRegistry(logger);
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    // Gauges with a counter's name; the same without `_total` stay, by type.
    for (const kind of ['handles', 'requests', 'resources'])
      this.registry.removeSingleMetric(`nodejs_active_${kind}_total`);
    this.#predictions = new Counter({
      name: 'autobird_predictions_total',
      help: 'Recordings by the predicted label; no_event where there was none',
      labelNames: ['model', 'version', 'label'],
      registers,
    });
    this.#failures = new Counter({
      name: 'autobird_prediction_failures_total',
      help: 'Recordings without a prediction, by the reason',
      labelNames: ['model', 'code'],
      registers,
    });
    this.#stages = new Histogram({
      name: 'autobird_prediction_stage_seconds',
      help: 'receive: reading the upload; decode: to the last sample; network: from there to the scores, waiting included; log: until the row is safe',
      labelNames: ['stage'],
      buckets: latencyBuckets,
      registers,
    });
    this.#audio = new Counter({
      name: 'autobird_audio_seconds_total',
      help: 'Length of the predicted recordings',
      labelNames: ['model'],
      registers,
    });
  }

  predicted(
    { name: model, version }: LoadedModel,
    { topLabel, durationS, decodeMs }: RecordingPrediction,
    { receiveMs, predictMs }: { readonly receiveMs?: number; readonly predictMs: number },
  ): void {
    this.#predictions.inc({ model, version, label: topLabel ?? 'no_event' });
    this.#audio.inc({ model }, durationS);
    if (receiveMs !== undefined) this.#stages.observe({ stage: 'receive' }, receiveMs / 1000);
    this.#stages.observe({ stage: 'decode' }, decodeMs / 1000);
    this.#stages.observe({ stage: 'network' }, (predictMs - decodeMs) / 1000);
  }

  logged(ms: number): void {
    this.#stages.observe({ stage: 'log' }, ms / 1000);
  }

  failed({ name: model }: LoadedModel, code: string): void {
    this.#failures.inc({ model, code });
  }

  /** Registers what is read at each scrape of Prometheus. */
  watch(models: ModelStore, uploads: FairBudget, log: PredictionLog | null, gathered: GatheredLog | null): void {
    const registers = [this.registry];
    new Gauge({
      name: 'autobird_model_info',
      help: '1 for each model that is loaded',
      aggregator: 'max',
      labelNames: ['model', 'version', 'shadow'] as const,
      registers,
      collect() {
        this.reset();
        for (const { name: model, loaded, shadow } of models.list()) {
          if (loaded !== null) this.set({ model, version: loaded.version, shadow: String(shadow) }, 1);
        }
      },
    });
    const batchers = () =>
      models.list().flatMap(({ name, loaded }): [string, BatcherStats][] => {
        const stats = loaded?.classifier.stats() ?? null;
        return stats === null ? [] : [[name, stats]];
      });
    const counted = () => models.batcherTotals();
    const gauge = (name: string, help: string, value: (stats: BatcherStats) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['model'] as const,
        registers,
        collect() {
          this.reset();
          for (const [model, stats] of batchers()) this.set({ model }, value(stats));
        },
      });
    // With those of models that were replaced: a sum over processes must not fall.
    const counter = (name: string, help: string, value: (stats: BatcherStats) => number) =>
      registerSnapshot(this.registry, {
        name,
        help,
        type: 'counter',
        values: () => [...counted()].map(([model, stats]) => ({ labels: { model }, value: value(stats) })),
      });
    gauge('autobird_queued_clips', 'Clips that wait for the network', ({ queuedClips }) => queuedClips);
    gauge('autobird_running_clips', 'Clips that are being computed', ({ runningClips }) => runningClips);
    counter('autobird_clips_total', 'Clips computed', ({ clips }) => clips);
    counter('autobird_shed_calls_total', 'Calls refused for want of room', ({ refusedCalls }) => refusedCalls);
    counter('autobird_late_calls_total', 'Calls given up because their time was over', ({ lateCalls }) => lateCalls);
    counter(
      'autobird_worker_seconds_total',
      'Time that workers computed, over all of them',
      ({ busyMs }) => busyMs / 1000,
    );
    const histogram = (
      name: string,
      help: string,
      bounds: readonly number[],
      value: (stats: BatcherStats) => { readonly counts: Float64Array; readonly sum: number },
    ) =>
      registerSnapshot(this.registry, {
        name,
        help,
        type: 'histogram',
        values: () =>
          [...counted()].flatMap(([model, stats]) => {
            const { counts, sum } = value(stats);
            return histogramSamples(name, { model }, bounds, counts, sum);
          }),
      });
    histogram('autobird_batch_clips', 'Clips that were computed together', batchBounds, ({ batchSizes, clips }) => ({
      counts: batchSizes,
      sum: clips,
    }));
    histogram(
      'autobird_queue_wait_seconds',
      'How long clips waited for a worker',
      waitBounds,
      ({ waits, waitedMs }) => ({ counts: waits, sum: waitedMs / 1000 }),
    );
    if (runtimeInfo().cudaAvailable) measureGpus(this.registry);
    new Gauge({
      name: 'autobird_ready',
      help: '1 while predictions are possible',
      aggregator: 'min',
      registers,
      collect() {
        this.set(models.ready ? 1 : 0);
      },
    });
    new Gauge({
      name: 'autobird_upload_bytes_in_flight',
      help: 'Uploads in memory',
      registers,
      collect() {
        this.set(uploads.taken);
      },
    });
    if (log !== null) watchLog(this.registry, log);
    if (gathered !== null) watchFeeder(this.registry, gathered);
  }
}

function watchLog(registry: Registry, log: PredictionLog): void {
  // Of the one file that all processes share.
  const gauge = (name: string, help: string, value: (stats: LogStats) => number) =>
    new Gauge({
      name,
      help,
      aggregator: 'max',
      registers: [registry],
      async collect() {
        this.set(value(await log.stats()));
      },
    });
  gauge('autobird_log_rows', "Rows in the prediction log's file", ({ rows }) => rows);
  gauge('autobird_log_bytes', "Size of the prediction log's file", ({ bytes }) => bytes);
  gauge('autobird_log_commit_seconds', 'How long its last commit took', ({ lastCommitMs }) => lastCommitMs / 1000);
}

function watchFeeder(registry: Registry, gathered: GatheredLog): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (stats: FeederStats) => number) =>
    new Gauge({
      name,
      help,
      aggregator: 'max',
      registers,
      collect() {
        this.set(value(gathered.stats()));
      },
    });
  const counter = (name: string, help: string, value: (stats: FeederStats) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value(gathered.stats()));
      },
    });
  gauge('autobird_log_waiting_rows', 'Rows that PostgreSQL does not have yet', ({ waitingRows }) => waitingRows);
  gauge('autobird_log_lag_seconds', 'How long the oldest of them has waited', ({ lagS }) => lagS);
  counter('autobird_log_fed_rows_total', 'Rows fed to PostgreSQL', ({ fedRows }) => fedRows);
  counter('autobird_log_feed_failures_total', 'Attempts to feed it that failed', ({ failures }) => failures);
}
