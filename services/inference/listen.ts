/** From an uploaded recording to what is heard in it, by the model that the request is for. */
import { randomInt } from 'node:crypto';
import type { HeardPrediction, PredictOptions } from '../../src/index.ts';
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

/** @throws AudioError where the recording cannot be read; HttpProblem where there is no model */
export async function listen(
  { models, config }: InferenceContext,
  file: ReceivedFile,
  { model: name, ...options }: ListenOptions,
): Promise<Heard> {
  using lease = models.lease(name, randomInt(2 ** 32) / 2 ** 32);
  const deadline = AbortSignal.timeout(1000 * config.limits.deadlineS);
  const signal = AbortSignal.any([options.signal, deadline]);
  const prediction = await lease.model.classifier.predictFile(file.bytes, { ...options, name: file.name, signal });
  return { model: lease.model, prediction };
}
