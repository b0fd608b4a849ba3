import type { Progress } from '../../src/index.ts';
import { problemAnswer } from '../http/errors.ts';
import type { InferenceContext } from './context.ts';
import { type Asker, type ListenOptions, listen, type Upload } from './listen.ts';
import type { Outcome, PredictionQuery } from './routes/predictionBody.ts';

export interface OutcomeOptions {
  readonly asker: Asker;
  readonly upload: Upload;
  /** Which recording of the upload. */
  readonly part: number;
  readonly query: PredictionQuery;
  readonly job?: ListenOptions['job'];
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * What one recording of a prediction came to, whether it was asked for by a request or is done as a job.
 *
 * @throws for the one recording of an upload what is wrong with it: a row of its own is for several
 */
export async function outcomeOf(context: InferenceContext, options: OutcomeOptions): Promise<Outcome> {
  const { asker, upload, part, query, job, onProgress } = options;
  const { model: name, top_k: topK, min_score: minScore, overlap_s: overlapS, merge } = query;
  const { embeddings = false, spectrogram = false } = query;
  const { files } = upload;
  const file = files[part] as Upload['files'][number];
  const listening = {
    request: asker,
    upload,
    part,
    model: name,
    embedding: embeddings,
    ...(job !== undefined && { job }),
    ...(topK !== undefined && { topK }),
    ...(minScore !== undefined && { minScore }),
    ...(overlapS !== undefined && { overlapS }),
    ...(merge !== undefined && { merge }),
    ...(onProgress !== undefined && { onProgress }),
  };
  try {
    return await listen(context, listening, async ({ model, prediction, signal }) => {
      const again = { signal, ...(job !== undefined && { limits: job.limits, patient: true }) };
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
