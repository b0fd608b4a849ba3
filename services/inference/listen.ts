/** From an uploaded recording to what is heard in it, by the model that the request is for; every answer is logged first. */
import { randomInt } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { AutobirdError, type HeardPrediction, type PredictOptions } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { Received, ReceivedFile } from '../http/receiveAudio.ts';
import type { RequestSpan } from '../http/tracing.ts';
import type { LogEntry } from '../predictionLog/entry.ts';
import type { InferenceContext } from './context.ts';
import type { LoadedModel } from './LoadedModel.ts';
import { logEntry } from './logEntry.ts';

export interface Heard {
  readonly model: LoadedModel;
  readonly prediction: HeardPrediction;
}

export interface ListenOptions extends Pick<PredictOptions, 'overlapS' | 'minScore' | 'topK' | 'merge' | 'onProgress'> {
  readonly request: FastifyRequest;
  readonly upload: Received;
  /** Which recording of the upload. */
  readonly part: number;
  /** A model by name; default one drawn by the weights. */
  readonly model?: string | undefined;
}

/**
 * Predicts, and hands the result to `use` while the model is still there. When it resolves, the row is in the log.
 *
 * @throws AudioError where the recording cannot be read (also logged); HttpProblem 404 or 503 where there is no model, 504
 * where it took too long; AutobirdError `log_unavailable`
 */
export async function listen<Result>(
  context: InferenceContext,
  { request, upload, part, model: name, ...options }: ListenOptions,
  use: (heard: Heard) => Promise<Result>,
): Promise<Result> {
  const { models, config, metrics } = context;
  const file = upload.files[part] as ReceivedFile;
  using lease = models.lease(name, randomInt(2 ** 32) / 2 ** 32);
  const { model } = lease;
  const deadline = AbortSignal.timeout(1000 * config.limits.deadlineS);
  const signal = AbortSignal.any([request.signal, deadline]);
  const begin = performance.now();
  const about = { request, upload, part, model, keepAudio: Math.random() < config.log.keepAudio };
  try {
    const prediction = await model.classifier.predictFile(file.bytes, { ...options, name: file.name, signal });
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
    const result = await use({ model, prediction });
    await append(context, logEntry({ ...about, predictMs, prediction }), request.span);
    listenAlong(context, { request, upload, part });
    return result;
  } catch (error) {
    if (deadline.aborted) {
      throw new HttpProblem(
        504,
        'deadline_exceeded',
        `Not done within ${config.limits.deadlineS} s (service.limits.deadline_s): send a shorter recording, or try again later`,
      );
    }
    if (error instanceof AutobirdError && error.code !== 'log_unavailable') {
      metrics.failed(model, error.code);
      const predictMs = performance.now() - begin;
      request.span?.stage('predict', begin, begin + predictMs, { 'autobird.part': part, 'error.type': error.code });
      await append(context, logEntry({ ...about, predictMs, errorCode: error.code }), request.span);
    }
    throw error;
  }
}

async function append(
  { log, metrics }: InferenceContext,
  entry: LogEntry,
  span: RequestSpan | null = null,
): Promise<void> {
  if (log === null) return;
  const begin = performance.now();
  await log.append(entry);
  const end = performance.now();
  metrics.logged(end - begin);
  span?.stage('log', begin, end);
}

/** Shadow models hear what was answered, when there is nobody waiting for them any more. */
function listenAlong(
  context: InferenceContext,
  about: { readonly request: FastifyRequest; readonly upload: Received; readonly part: number },
): void {
  const { models, metrics } = context;
  const file = about.upload.files[about.part] as ReceivedFile;
  for (const lease of models.shadows()) {
    const { model } = lease;
    const begin = performance.now();
    model.classifier
      .predictFile(file.bytes, { name: file.name })
      .then(async (prediction) => {
        const predictMs = performance.now() - begin;
        metrics.predicted(model, prediction, { predictMs });
        await append(context, logEntry({ ...about, model, predictMs, prediction, shadow: true }));
      })
      .catch((error) => about.request.log.warn({ err: error, model: model.name }, 'A shadow model failed'))
      .finally(() => lease[Symbol.dispose]());
  }
}
