/** From an uploaded recording to what is heard in it, by the model that the request is for. */
import { randomInt } from 'node:crypto';
import type { HeardPrediction, PredictOptions } from '../../src/index.ts';
import { HttpProblem } from '../http/HttpProblem.ts';
import type { ReceivedFile } from '../http/receiveAudio.ts';
import type { InferenceContext } from './context.ts';
import type { LoadedModel } from './LoadedModel.ts';

export interface Heard {
  readonly model: LoadedModel;
  readonly prediction: HeardPrediction;
}

export interface ListenOptions extends Pick<PredictOptions, 'overlapS' | 'minScore' | 'topK' | 'merge' | 'onProgress'> {
  /** A model by name; default one drawn by the weights. */
  readonly model?: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Predicts, and hands the result to `use` while the model is still there.
 *
 * @throws AudioError where the recording cannot be read; HttpProblem 404 or 503 where there is no model, 504 where it took
 * too long
 */
export async function listen<Result>(
  { models, config }: InferenceContext,
  file: ReceivedFile,
  { model: name, signal: left, ...options }: ListenOptions,
  use: (heard: Heard) => Promise<Result>,
): Promise<Result> {
  using lease = models.lease(name, randomInt(2 ** 32) / 2 ** 32);
  const { model } = lease;
  const deadline = AbortSignal.timeout(1000 * config.limits.deadlineS);
  const signal = AbortSignal.any([left, deadline]);
  try {
    const prediction = await model.classifier.predictFile(file.bytes, { ...options, name: file.name, signal });
    return await use({ model, prediction });
  } catch (error) {
    if (!deadline.aborted) throw error;
    throw new HttpProblem(
      504,
      'deadline_exceeded',
      `Not done within ${config.limits.deadlineS} s (service.limits.deadline_s): send a shorter recording, or try again later`,
    );
  }
}
