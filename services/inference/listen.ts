/** From an uploaded recording to what is heard in it, by the model that the request is for; every answer is logged first. */
import { randomInt } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { AutobirdError, type HeardPrediction, type PredictOptions } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { Received, ReceivedFile } from '../http/receiveAudio.ts';
import type { InferenceContext } from './context.ts';
import { deadline } from './deadline.ts';
import type { LoadedModel } from './LoadedModel.ts';
import { logEntry } from './logEntry.ts';

export interface Heard {
  readonly model: LoadedModel;
  readonly prediction: HeardPrediction;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
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
 * where it took too long, 499 where the client has left; AutobirdError `log_unavailable`
 */
export async function listen<Result>(
  context: InferenceContext,
  { request, upload, part, model: name, ...options }: ListenOptions,
  use: (heard: Heard) => Promise<Result>,
): Promise<Result> {
  const { models, config, log, metrics } = context;
  const file = upload.files[part] as ReceivedFile;
  using lease = models.lease(name, randomInt(2 ** 32) / 2 ** 32);
  const { model } = lease;
  const withinMs = 1000 * config.limits.deadlineS;
  using limit = deadline(request.socket, withinMs);
  const { signal } = limit;
  const begin = performance.now();
  const about = { request, upload, part, model, keepAudio: config.log.keepAudio };
  try {
    const prediction = await model.classifier.predictFile(file.bytes, {
      ...options,
      name: file.name,
      signal,
      withinMs,
    });
    const predictMs = performance.now() - begin;
    metrics.predicted(model, prediction, { receiveMs: upload.receiveMs, predictMs });
    const result = await use({ model, prediction, signal });
    await log?.append(logEntry({ ...about, predictMs, prediction }));
    listenAlong(context, { request, upload, part });
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
    // Nobody reads this answer; in logs and metrics it is not a failure of ours.
    if (signal.aborted) throw new HttpProblem(499, 'client_left', 'The client closed the connection');
    if (error instanceof AutobirdError && error.code !== 'log_unavailable') {
      metrics.failed(model, error.code);
      await log?.append(logEntry({ ...about, predictMs: performance.now() - begin, errorCode: error.code }));
    }
    throw error;
  }
}

/** Shadow models hear what was answered, when there is nobody waiting for them any more. */
function listenAlong(
  { models, log, metrics }: InferenceContext,
  about: { readonly request: FastifyRequest; readonly upload: Received; readonly part: number },
): void {
  const file = about.upload.files[about.part] as ReceivedFile;
  for (const lease of models.shadows()) {
    const { model } = lease;
    const begin = performance.now();
    model.classifier
      .predictFile(file.bytes, { name: file.name })
      .then(async (prediction) => {
        const predictMs = performance.now() - begin;
        metrics.predicted(model, prediction, { predictMs });
        await log?.append(logEntry({ ...about, model, predictMs, prediction, shadow: true }));
      })
      .catch((error) => about.request.log.warn({ err: error, model: model.name }, 'A shadow model failed'))
      .finally(() => lease[Symbol.dispose]());
  }
}
