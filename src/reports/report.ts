/** `report.json`: what an evaluation found, for machines; `report.html` and `model_card.md` are made from it. */
import { z } from 'zod';
import { decode } from '../schema/case.ts';

/** What a recording was called for which no label could be predicted, wherever people read it. */
export const noPrediction = 'no prediction';

const share = z.number().min(0).max(1);

const classFiguresSchema = z.strictObject({
  label: z.string(),
  precision: share.nullable(),
  recall: share.nullable(),
  f1: share,
  support: z.int(),
  predicted: z.int(),
});

export const figuresSchema = z.strictObject({
  items: z.int(),
  withoutPrediction: z.int(),
  accuracy: share,
  balancedAccuracy: share,
  macroF1: share,
  top3: share,
  perClass: z.array(classFiguresSchema),
  /** Cells that are not 0: places in `labels` of what recordings are and were called (null without a prediction), how many. */
  confusion: z.strictObject({
    labels: z.array(z.string()),
    cells: z.array(z.tuple([z.int(), z.int().nullable(), z.int()])),
  }),
});

const reliabilityBinSchema = z.strictObject({
  from: z.number(),
  to: z.number(),
  items: z.int(),
  accuracy: z.number(),
  confidence: z.number(),
});

const calibrationSideSchema = z.strictObject({
  expectedCalibrationError: z.number(),
  /** Mean negative log of the true class's score; null where no class is known to the model. */
  loss: z.number().nullable(),
  bins: z.array(reliabilityBinSchema),
});

export const recordingResultSchema = z.strictObject({
  recording: z.string(),
  label: z.string(),
  /** Null where there is no prediction. */
  predicted: z.string().nullable(),
  correct: z.boolean(),
  /** The three best, no-event labels included. */
  top: z.array(z.strictObject({ label: z.string(), score: z.number() })),
  /** Score of the true label, null where the model does not know it. */
  labelScore: z.number().nullable(),
  /** Why there is no prediction. */
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});

export const reportSchema = z.strictObject({
  formatVersion: z.literal(3),
  createdAt: z.string(),
  checkpoint: z.strictObject({ modelVersion: z.string(), epoch: z.int(), trainedAt: z.string() }),
  dataset: z.strictObject({ id: z.string(), name: z.string() }),
  split: z.string(),
  side: z.enum(['train', 'val', 'test']),
  /** Recordings that were judged by their original file, and those without one, by the dataset's shard. Null in older reports. */
  audio: z.strictObject({ originals: z.int(), shards: z.int() }).nullable().default(null),
  /** Recordings of the side that the model was trained on: not judged. Null where the checkpoint does not say which. */
  leftOut: z.int().nullable().default(null),
  /** Left out besides: test recordings that chose the epoch and the temperature; null where the checkpoint does not say. */
  leftOutSelection: z.int().nullable().default(null),
  /** Whether it was trained with the same recordings on the same sides. Null where the checkpoint does not say. */
  sameSplit: z.boolean().nullable().default(null),
  /** The model's, in its order. */
  labels: z.array(z.string()),
  /** Classes of the recordings that the model does not know: each such recording counts as wrong. */
  unknownLabels: z.array(z.string()),
  noEventLabels: z.array(z.string()),
  /** Accuracy of always naming the class that the evaluated recordings have most. */
  largestClassShare: share,
  recordings: figuresSchema,
  clips: figuresSchema.omit({ confusion: true }),
  calibration: z.strictObject({
    aggregation: z.enum(['majority', 'mean', 'activity']),
    temperature: z.number(),
    before: calibrationSideSchema,
    after: calibrationSideSchema,
  }),
  predictions: z.array(recordingResultSchema),
});

/** `report.json`: an evaluation. */
export type Report = z.infer<typeof reportSchema>;
export type RecordingResult = z.infer<typeof recordingResultSchema>;

/**
 * A report from its JSON, also of older format versions: in 1 the confusions are whole matrices, and up to 2 `answered`
 * counts the items that have a prediction.
 *
 * @throws FormatError `invalid_content`, with `path`
 */
export function parseReport(json: unknown, path: string): Report {
  const withCells = isVersion1(json) ? toVersion2(json) : json;
  return decode(reportSchema, isVersion2(withCells) ? toVersion3(withCells) : withCells, path);
}

interface Version1 {
  readonly format_version: 1;
  readonly recordings: { readonly confusion: { readonly labels: string[]; readonly counts: number[][] } };
  readonly clips: object;
}

interface Version2 {
  readonly format_version: 2;
  readonly recordings: Counts;
  readonly clips: Counts;
}

interface Counts {
  readonly items: number;
  readonly answered: number;
}

function isVersion1(json: unknown): json is Version1 {
  const { format_version: version, recordings, clips } = (json ?? {}) as Partial<Version1>;
  return version === 1 && Array.isArray(recordings?.confusion?.counts) && typeof clips === 'object';
}

function toVersion2(json: Version1): unknown {
  const { labels, counts } = json.recordings.confusion;
  const cells = counts.flatMap((row, truth) =>
    row.flatMap((count, c) => (count === 0 ? [] : [[truth, c === labels.length ? null : c, count]])),
  );
  const { confusion: _, ...clips } = json.clips as { confusion?: unknown };
  return { ...json, format_version: 2, clips, recordings: { ...json.recordings, confusion: { labels, cells } } };
}

function isVersion2(json: unknown): json is Version2 {
  const { format_version: version, recordings, clips } = (json ?? {}) as Partial<Version2>;
  return version === 2 && recordings?.answered !== undefined && clips?.answered !== undefined;
}

function toVersion3(json: Version2): unknown {
  const renamed = ({ answered, ...figures }: Counts) => ({ ...figures, without_prediction: figures.items - answered });
  return { ...json, format_version: 3, recordings: renamed(json.recordings), clips: renamed(json.clips) };
}
