import type { Progress } from '../../src/index.ts';
import { problemResponse } from '../http/errors.ts';
import type { InferenceContext } from './context.ts';
import { type PredictAndLogOptions, predictAndLog } from './predictAndLog.ts';
import type { PredictionQuery, RecordingResult } from './predictionBody.ts';
import type { Requester, Upload } from './requester.ts';

export interface PredictRecordingOptions {
  readonly requester: Requester;
  readonly upload: Upload;
  /** Which recording of the upload. */
  readonly part: number;
  readonly query: PredictionQuery;
  readonly job?: PredictAndLogOptions['job'];
  readonly rows?: PredictAndLogOptions['rows'];
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Predicts one recording of an upload, for a request or for a job. What is wrong with one of several recordings is its result.
 *
 * @throws what is wrong with the recording where it is the only one of its upload
 */
export async function predictRecording(
  context: InferenceContext,
  options: PredictRecordingOptions,
): Promise<RecordingResult> {
  const { requester, upload, part, query, job, rows, onProgress } = options;
  const { model: name, top_k: topK, min_score: minScore, overlap_s: overlapS, merge } = query;
  const { embeddings = false, spectrogram = false } = query;
  const { files } = upload;
  const file = files[part] as Upload['files'][number];
  const predictOptions = {
    request: requester,
    upload: { ...upload, place: query.place },
    part,
    model: name,
    embedding: embeddings,
    job,
    rows,
    topK,
    minScore,
    overlapS,
    merge,
    onProgress,
  };
  try {
    return await predictAndLog(context, predictOptions, async ({ model, prediction, signal }) => {
      const again = { signal, limits: job?.limits };
      return {
        model,
        prediction,
        spectrogram: spectrogram ? await model.classifier.spectrogram(file.source, again) : undefined,
      };
    });
  } catch (error) {
    const { status, body } = problemResponse(error);
    if (files.length === 1 || status >= 500) throw error;
    return { recording: file.name, error: { code: body.code, message: (error as Error).message } };
  }
}
