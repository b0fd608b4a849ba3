import type { Progress } from '../../src/index.ts';
import { problemAnswer } from '../http/errors.ts';
import type { InferenceContext } from './context.ts';
import { type ListenOptions, listen } from './listen.ts';
import type { Outcome, PredictionQuery } from './predictionBody.ts';
import type { Requester, Upload } from './requester.ts';

export interface OutcomeOptions {
  readonly requester: Requester;
  readonly upload: Upload;
  /** Which recording of the upload. */
  readonly part: number;
  readonly query: PredictionQuery;
  readonly job?: ListenOptions['job'];
  readonly rows?: ListenOptions['rows'];
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * What one recording of a prediction came to, whether it was asked for by a request or is done as a job.
 *
 * @throws for the one recording of an upload what is wrong with it: a row of its own is for several
 */
export async function outcomeOf(context: InferenceContext, options: OutcomeOptions): Promise<Outcome> {
  const { requester, upload, part, query, job, rows, onProgress } = options;
  const { model: name, top_k: topK, min_score: minScore, overlap_s: overlapS, merge } = query;
  const { embeddings = false, spectrogram = false } = query;
  const { files } = upload;
  const file = files[part] as Upload['files'][number];
  const listening = {
    request: requester,
    upload: { ...upload, place: query.place },
    part,
    model: name,
    embedding: embeddings,
    ...(job !== undefined && { job }),
    ...(rows !== undefined && { rows }),
    ...(topK !== undefined && { topK }),
    ...(minScore !== undefined && { minScore }),
    ...(overlapS !== undefined && { overlapS }),
    ...(merge !== undefined && { merge }),
    ...(onProgress !== undefined && { onProgress }),
  };
  try {
    return await listen(context, listening, async ({ model, prediction, signal }) => {
      const again = { signal, ...(job !== undefined && { limits: job.limits, waitForRoom: true }) };
      return {
        model,
        prediction,
        ...(spectrogram && { spectrogram: await model.classifier.spectrogram(file.source, again) }),
      };
    });
  } catch (error) {
    const { status, body } = problemAnswer(error);
    if (files.length === 1 || status >= 500) throw error;
    return { recording: file.name, error: { code: body.code, message: (error as Error).message } };
  }
}
