/** The query and the response body of `POST /v1/predictions`. */
import { type Static, Type } from 'typebox';
import type { RecordingPrediction } from '../../src/index.ts';
import { type FormatContext, type FormatWriter, outputFormats, rankLabels, resultToJson } from '../../src/service.ts';
import { withoutFormula } from '../http/withoutFormula.ts';
import type { LoadedModel } from './LoadedModel.ts';

/** For texts that are kept or looked for: databases end a text at a NUL. */
export const withoutNul = '^[^\\u0000]*$';

export const predictionQuery = Type.Object(
  {
    model: Type.Optional(Type.String({ description: 'A model by its name; one drawn by the weights without it.' })),
    top_k: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Labels shown, and detected in a clip (3).' }),
    ),
    min_score: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'Least score of a detection (0.25).' }),
    ),
    overlap_s: Type.Optional(Type.Number({ minimum: 0, description: 'Seconds by which clips overlap (as trained).' })),
    merge: Type.Optional(Type.Boolean({ description: 'Neighbouring clips of one label are one detection (true).' })),
    clips: Type.Optional(Type.Boolean({ description: 'Scores of every clip (false).' })),
    embeddings: Type.Optional(Type.Boolean({ description: 'The embedding of the recording (false).' })),
    place: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: withoutNul,
        description: 'Where it was recorded, for the log.',
      }),
    ),
    spectrogram: Type.Optional(Type.Boolean({ description: 'A picture as a PNG in base64 (false).' })),
  },
  { additionalProperties: false },
);
export type PredictionQuery = Static<typeof predictionQuery>;

const nullableString = Type.Union([Type.String(), Type.Null()]);
const nullableNumber = Type.Union([Type.Number(), Type.Null()]);

/** For the documentation; what is sent is made by the library's own mapper. */
export const predictionsSchema = Type.Object({
  request_id: Type.String(),
  predictions: Type.Array(
    Type.Union([
      Type.Object({
        recording: Type.String(),
        model: Type.String(),
        model_version: Type.String(),
        duration_s: Type.Number(),
        recorded_at: nullableString,
        warnings: Type.Array(Type.String()),
        top_label: nullableString,
        top: Type.Array(Type.Object({ label: Type.String(), score: Type.Number() })),
        scores: Type.Record(Type.String(), Type.Number()),
        detections: Type.Array(
          Type.Object({
            start_s: Type.Number(),
            end_s: Type.Number(),
            low_hz: nullableNumber,
            high_hz: nullableNumber,
            label: Type.String(),
            score: Type.Number(),
            at: nullableString,
          }),
        ),
        embedding: Type.Optional(Type.Array(Type.Number())),
        spectrogram_png: Type.Optional(Type.String()),
      }),
      Type.Object({
        recording: Type.String(),
        error: Type.Object({ code: Type.String(), message: Type.String() }),
      }),
    ]),
  ),
});

/** The prediction of one recording of a request, or why there is none. */
export type RecordingResult =
  | {
      readonly model: LoadedModel;
      readonly prediction: RecordingPrediction;
      readonly spectrogram?: Uint8Array | undefined;
    }
  | { readonly recording: string; readonly error: { readonly code: string; readonly message: string } };

/** One recording's result in JSON. */
export function recordingResultToJson(result: RecordingResult, query: PredictionQuery): object {
  if ('error' in result) return result;
  const { model, prediction, spectrogram } = result;
  const { embedding } = prediction;
  const ranked = rankLabels(prediction.labels, prediction.scores, model.classifier.noEventLabels);
  return {
    ...(resultToJson(prediction, query.clips ?? false) as object),
    model: model.name,
    top: ranked.slice(0, query.top_k ?? 3).map(({ label, score }) => ({ label, score: Math.round(score * 1e6) / 1e6 })),
    ...(embedding !== null && { embedding: Array.from(embedding) }),
    ...(spectrogram !== undefined && { spectrogram_png: Buffer.from(spectrogram).toString('base64') }),
  };
}

/** Of the formats that a response is written in at once. */
export const contentTypes = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  raven: 'text/tab-separated-values; charset=utf-8',
} as const;

/** The results as the library writes them into files: CSV, or a selection table for Raven. */
export function resultsAsText(
  results: readonly RecordingResult[],
  format: 'csv' | 'raven',
  query: PredictionQuery,
): string {
  const rows = results.map((result) => ('error' in result ? result : result.prediction));
  const model = results.flatMap((result) => ('error' in result ? [] : [result.model]))[0];
  const writer = textWriter(
    format,
    model,
    rows.map(({ recording }) => recording),
    query,
  );
  return [writer.begin(), ...rows.map((row) => writer.write(row)), writer.end()].join('');
}

/** Writes the results of recordings with these `names` one after the other; `model` predicted the first that has no error. */
export function textWriter(
  format: 'csv' | 'raven',
  model: LoadedModel | undefined,
  names: readonly string[],
  { top_k: topK = 3 }: PredictionQuery,
): FormatWriter {
  const classifier = model?.classifier;
  const context: FormatContext = {
    labels: classifier?.labels ?? [],
    noEventLabels: classifier?.noEventLabels ?? [],
    topK,
    lowHz: classifier?.features.fMinHz ?? 0,
    highHz: classifier === undefined ? 0 : Math.min(classifier.features.fMaxHz, classifier.features.sampleRateHz / 2),
    names: names.map(withoutFormula),
    width: 100,
    root: '/',
    uploads: true,
    clips: false,
  };
  const writer = outputFormats[format].open(context);
  return { ...writer, write: (result) => writer.write({ ...result, recording: withoutFormula(result.recording) }) };
}
