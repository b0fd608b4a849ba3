import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { BatcherStats, HeardPrediction } from '../../src/index.ts';
import type { ByteBudget } from '../http/ByteBudget.ts';
import { latencyBuckets } from '../http/requestMetrics.ts';
import { histogramSamples, registerSnapshot } from '../http/snapshotMetric.ts';
import type { LogStats, PredictionLog } from '../predictionLog/PredictionLog.ts';
import type { LoadedModel } from './LoadedModel.ts';
import type { ModelStore } from './ModelStore.ts';

/** Those of BatcherStats.batchSizes. */
const batchBounds = [1, 2, 4, 8, 16, 32, 64];

/** What the inference service tells Prometheus (docs/monitoring.md lists it). */
export class InferenceMetrics {
  readonly registry = new Registry();
  readonly #predictions: Counter<'model' | 'version' | 'label'>;
  readonly #failures: Counter<'model' | 'code'>;
  readonly #stages: Histogram<'stage'>;
  readonly #audio: Counter<'model'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#predictions = new Counter({
      name: 'autobird_predictions_total',
      help: 'Recordings by what was heard; no_event where nothing was',
      labelNames: ['model', 'version', 'label'],
      registers,
    });
    this.#failures = new Counter({
      name: 'autobird_prediction_failures_total',
      help: 'Recordings without an answer, by the reason',
      labelNames: ['model', 'code'],
      registers,
    });
    this.#stages = new Histogram({
      name: 'autobird_prediction_stage_seconds',
      help: 'receive: reading the upload; predict: decoding, waiting and the network',
      labelNames: ['stage'],
      buckets: latencyBuckets,
      registers,
    });
    this.#audio = new Counter({
      name: 'autobird_audio_seconds_total',
      help: 'Length of what was heard',
      labelNames: ['model'],
      registers,
    });
  }

  predicted(
    { name: model, version }: LoadedModel,
    { topLabel, durationS }: HeardPrediction,
    { receiveMs, predictMs }: { readonly receiveMs?: number; readonly predictMs: number },
  ): void {
    this.#predictions.inc({ model, version, label: topLabel ?? 'no_event' });
    this.#audio.inc({ model }, durationS);
    this.#stages.observe({ stage: 'predict' }, predictMs / 1000);
    if (receiveMs !== undefined) this.#stages.observe({ stage: 'receive' }, receiveMs / 1000);
  }

  failed({ name: model }: LoadedModel, code: string): void {
    this.#failures.inc({ model, code });
  }

  /** What is looked up when Prometheus asks. */
  watch(models: ModelStore, uploads: ByteBudget, log: PredictionLog | null): void {
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
    const ofModels = (
      name: string,
      help: string,
      value: (stats: BatcherStats) => number,
      aggregator: 'sum' | 'average' = 'sum',
    ) =>
      new Gauge({
        name,
        help,
        aggregator,
        labelNames: ['model'] as const,
        registers,
        collect() {
          this.reset();
          for (const { name: model, loaded } of models.list()) {
            const stats = loaded?.classifier.stats() ?? null;
            if (stats !== null) this.set({ model }, value(stats));
          }
        },
      });
    ofModels('autobird_queued_clips', 'Clips that wait for the network', ({ queuedClips }) => queuedClips);
    ofModels('autobird_running_clips', 'Clips that are being computed', ({ runningClips }) => runningClips);
    ofModels('autobird_clips', 'Clips computed since the model was loaded', ({ clips }) => clips);
    ofModels('autobird_batches', 'Batches computed since the model was loaded', ({ batches }) => batches);
    ofModels('autobird_shed_calls', 'Calls refused for want of room', ({ refusedCalls }) => refusedCalls);
    ofModels('autobird_late_calls', 'Calls given up because their time was over', ({ lateCalls }) => lateCalls);
    const name = 'autobird_batch_clips';
    registerSnapshot(this.registry, {
      name,
      help: 'Clips of a batch, since the model was loaded',
      type: 'histogram',
      values: () =>
        models.list().flatMap(({ name: model, loaded }) => {
          const stats = loaded?.classifier.stats() ?? null;
          return stats === null ? [] : histogramSamples(name, { model }, batchBounds, stats.batchSizes, stats.clips);
        }),
    });
    ofModels(
      'autobird_clip_seconds',
      'Mean time of a worker for a clip',
      ({ meanClipMs }) => meanClipMs / 1000,
      'average',
    );
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
    if (log === null) return;
    // Of the one file that all processes share.
    const gauge = (name: string, help: string, value: (stats: LogStats) => number) =>
      new Gauge({
        name,
        help,
        aggregator: 'max',
        registers,
        async collect() {
          this.set(value(await log.stats()));
        },
      });
    gauge('autobird_log_rows', 'Rows of the prediction log', ({ rows }) => rows);
    gauge('autobird_log_bytes', 'Size of the prediction log', ({ bytes }) => bytes);
    gauge('autobird_log_commit_seconds', 'How long its last commit took', ({ lastCommitMs }) => lastCommitMs / 1000);
  }
}
