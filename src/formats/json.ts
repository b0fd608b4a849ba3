import { z } from 'zod';
import type { Label } from '../domain.ts';
import { decode, encode } from '../schema/case.ts';
import { type FormatWriter, isFailed, type OutputFormat, type PredictionResult } from './format.ts';

/** A recording's prediction as JSON; `scores` by label, clip scores in the order of `labels`. */
export const predictionJsonSchema = z.strictObject({
  recording: z.string(),
  durationS: z.number(),
  recordedAt: z.string().nullable(),
  warnings: z.array(z.string()),
  topLabel: z.string().nullable(),
  scores: z.record(z.string(), z.number()),
  detections: z.array(
    z.strictObject({
      startS: z.number(),
      endS: z.number(),
      lowHz: z.number().nullable(),
      highHz: z.number().nullable(),
      label: z.string(),
      score: z.number(),
      at: z.string().nullable(),
    }),
  ),
  /** Only where requested. */
  labels: z.array(z.string()).optional(),
  clips: z
    .array(
      z.strictObject({
        startS: z.number(),
        endS: z.number(),
        activity: z.number(),
        /** Lacking in journals of older versions, which gave every clip its detections. */
        peak: z.number().default(1),
        scores: z.array(z.number()),
      }),
    )
    .optional(),
  modelVersion: z.string(),
});

const failedJsonSchema = z.strictObject({
  recording: z.string(),
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

// Six decimals of a score are 5e-7, well below what f32 arithmetic in another order changes.
const round6 = (value: number): number => Math.round(value * 1e6) / 1e6;
const exactly = (value: number): number => value;

/**
 * A result as a JSON value in snake_case. `resultFromJson` reads it back.
 *
 * @param digits `rounded` for people and other programs; `all` where it has to come back as it was, to the bit
 */
export function resultToJson(result: PredictionResult, clips: boolean, digits: 'rounded' | 'all' = 'rounded'): unknown {
  const number = digits === 'all' ? exactly : round6;
  if (isFailed(result)) return encode(failedJsonSchema, result);
  return encode(predictionJsonSchema, {
    recording: result.recording,
    durationS: number(result.durationS),
    recordedAt: result.recordedAt,
    warnings: [...result.warnings],
    topLabel: result.topLabel,
    scores: Object.fromEntries(result.labels.map((label, index) => [label, number(result.scores[index] ?? 0)])),
    detections: result.detections.map((detection) => ({
      ...detection,
      startS: number(detection.startS),
      endS: number(detection.endS),
      score: number(detection.score),
    })),
    ...(clips && {
      labels: [...result.labels],
      clips: result.clips.map(({ startS, endS, activity, peak, scores }) => ({
        startS: number(startS),
        endS: number(endS),
        activity: number(activity),
        peak: number(peak),
        scores: Array.from(scores, number),
      })),
    }),
    modelVersion: result.modelVersion,
  });
}

/**
 * The inverse of {@link resultToJson}, but for clips that were not written. `labels` is the model's order: JSON objects put
 * keys that look like numbers first.
 *
 * @throws FormatError where it is something else
 */
export function resultFromJson(json: unknown, labels: readonly Label[]): PredictionResult {
  if (typeof json === 'object' && json !== null && 'error' in json) return decode(failedJsonSchema, json, 'A result');
  const { labels: _, ...result } = decode(predictionJsonSchema, json, 'A result');
  return {
    ...result,
    labels,
    scores: Float32Array.from(labels, (label) => result.scores[label] ?? 0),
    clips: (result.clips ?? []).map((clip) => ({ ...clip, scores: Float32Array.from(clip.scores) })),
  };
}

export const json: OutputFormat = {
  name: 'json',
  description: 'an array with an object a recording',
  extension: '.json',
  layout: 'both',
  holdsErrors: true,
  open({ clips }): FormatWriter {
    let first = true;
    return {
      begin: () => '[',
      write(result) {
        const separator = first ? '\n' : ',\n';
        first = false;
        return `${separator}${JSON.stringify(resultToJson(result, clips))}`;
      },
      end: () => '\n]\n',
    };
  },
};

export const ndjson: OutputFormat = {
  name: 'ndjson',
  description: 'an object a line, written as each recording is done',
  extension: '.ndjson',
  layout: 'both',
  holdsErrors: true,
  open: ({ clips }) => ({
    begin: () => '',
    write: (result) => `${JSON.stringify(resultToJson(result, clips))}\n`,
    end: () => '',
  }),
};
