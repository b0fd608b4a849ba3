/** Predicts an uploaded recording with the model that the request is for, and logs the prediction before it is sent. */
import { randomInt } from 'node:crypto';
import {
  AutobirdError,
  type PredictionLimits,
  type PredictOptions,
  type RecordingPrediction,
} from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { ReceivedFile } from '../http/receiveAudio.ts';
import type { RequestSpan } from '../http/tracing.ts';
import type { LogEntry, RowSink } from '../predictionLog/entry.ts';
import type { InferenceContext } from './context.ts';
import { deadline } from './deadline.ts';
import type { LoadedModel } from './LoadedModel.ts';
import { logEntry } from './logEntry.ts';
import type { Requester, Upload } from './requester.ts';

export interface Predicted {
  readonly model: LoadedModel;
  readonly prediction: RecordingPrediction;
  /** Aborts when the client has left or the deadline has passed. */
  readonly signal: AbortSignal;
}

export interface PredictAndLogOptions
  extends Pick<PredictOptions, 'overlapS' | 'minScore' | 'topK' | 'merge' | 'embedding' | 'onProgress'> {
  readonly request: Requester;
  readonly upload: Upload;
  /** Which recording of the upload. */
  readonly part: number;
  /** A model by name; default one drawn by the weights. */
  readonly model?: string | undefined;
  /**
   * Set where a job predicts and no client waits. A job has limits of its own, and its deadline is in its signal. Where the
   * service is overloaded it waits instead of failing. It ends after its shadow models: its recording is deleted then.
   */
  readonly job?:
    | {
        readonly limits: Pick<PredictionLimits, 'maxFileBytes' | 'maxDurationS'>;
        readonly signal: AbortSignal;
        /** Chooses the model where none is named, in [0, 1): another attempt draws the same. */
        readonly draw: number;
      }
    | undefined;
  /** Where the row goes; null for nowhere. Default the log. */
  readonly rows?: RowSink | null | undefined;
}

/**
 * Predicts, and hands the result to `use` while the model is still there. When it resolves, the row is in the log.
 *
 * @throws AudioError where the recording cannot be read (also logged); HttpProblem 404 or 503 where there is no model, 504
 * where it took too long, 499 where the client has left; AutobirdError `log_unavailable`
 */
export async function predictAndLog<Result>(
  context: InferenceContext,
  { request, upload, part, model: name, job, rows = context.log, ...given }: PredictAndLogOptions,
  use: (predicted: Predicted) => Promise<Result>,
): Promise<Result> {
  const { models, config, metrics } = context;
  const file = upload.files[part] as ReceivedFile;
  using lease = models.lease(name, job?.draw ?? randomInt(2 ** 32) / 2 ** 32);
  const { model } = lease;
  const withinMs = job === undefined ? 1000 * config.limits.deadlineS : undefined;
  using limit = deadline(request.socket, withinMs);
  const { signal } = limit;
  const options = {
    ...given,
    driftFeatures: true, // for the log
    withinMs,
    limits: job?.limits,
    waitForRoom: job !== undefined,
  };
  const begin = performance.now();
  const parts = { request, upload, part, model, keepAudio: Math.random() < config.log.keepAudio };
  try {
    const prediction = await model.classifier.predictFile(file.source, { ...options, name: file.name, signal });
    const predictMs = performance.now() - begin;
    metrics.predicted(model, prediction, { receiveMs: upload.receiveMs, predictMs });
    const { span } = request;
    if (span) {
      const decodedAt = begin + prediction.decodeMs;
      const attributes = {
        'autobird.part': part,
        'autobird.model': model.name,
        'autobird.model_version': model.version,
      };
      span.stage('decode', begin, decodedAt, attributes);
      span.stage('network', decodedAt, begin + predictMs, { ...attributes, 'autobird.clips': prediction.clips.length });
    }
    const result = await use({ model, prediction, signal });
    await append(metrics, rows, logEntry({ ...parts, predictMs, prediction }), request.span);
    const shadows = predictWithShadows(context, { request, upload, part, job, rows });
    if (job !== undefined) await shadows;
    return result;
  } catch (error) {
    if (limit.passed || (error instanceof AutobirdError && error.code === 'deadline_exceeded')) {
      throw new HttpProblem(
        504,
        'deadline_exceeded',
        `Not done within ${config.limits.deadlineS} s (service.limits.deadline_s): send a shorter recording, or try again later`,
        { retryAfterS: model.classifier.waitS },
      );
    }
    // No client reads this response; in logs and metrics it must not count as a failure of the service.
    if (signal.aborted && job === undefined)
      throw new HttpProblem(499, 'client_left', 'The client closed the connection');
    if (error instanceof AutobirdError && !ofTheService.has(error.code)) {
      metrics.failed(model, error.code);
      const predictMs = performance.now() - begin;
      request.span?.stage('predict', begin, begin + predictMs, { 'autobird.part': part, 'error.type': error.code });
      await append(metrics, rows, logEntry({ ...parts, predictMs, errorCode: error.code }), request.span);
    }
    throw error;
  }
}

/** Failures that say nothing of the recording: they are no row and no unreadable recording. */
const ofTheService: ReadonlySet<string> = new Set(['overloaded', 'log_unavailable']);

async function append(
  metrics: InferenceContext['metrics'],
  rows: RowSink | null,
  entry: LogEntry,
  span: RequestSpan | null = null,
): Promise<void> {
  if (rows === null) return;
  const begin = performance.now();
  await rows.append(entry);
  const end = performance.now();
  metrics.logged(end - begin);
  span?.stage('log', begin, end);
}

/** Predicts the same recording with every shadow model, after the response: no client waits for them. */
async function predictWithShadows(
  context: InferenceContext,
  {
    job,
    rows,
    ...about
  }: Pick<PredictAndLogOptions, 'request' | 'upload' | 'part'> & {
    readonly job: PredictAndLogOptions['job'];
    readonly rows: RowSink | null;
  },
): Promise<void> {
  const { models, metrics } = context;
  const file = about.upload.files[about.part] as ReceivedFile;
  const options = {
    name: file.name,
    driftFeatures: true,
    limits: job?.limits,
    signal: job?.signal,
    waitForRoom: job !== undefined,
  };
  const predictions = models.shadows().map((lease) => {
    const { model } = lease;
    const begin = performance.now();
    return model.classifier
      .predictFile(file.source, options)
      .then(async (prediction) => {
        const predictMs = performance.now() - begin;
        metrics.predicted(model, prediction, { predictMs });
        await append(metrics, rows, logEntry({ ...about, model, predictMs, prediction, shadow: true }));
      })
      .catch((error) => about.request.log.warn({ err: error, model: model.name }, 'A shadow model failed'))
      .finally(() => lease[Symbol.dispose]());
  });
  await Promise.all(predictions);
}
