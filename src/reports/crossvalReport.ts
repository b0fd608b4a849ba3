/** `crossval.json`: what a cross-validation found, for machines; `crossval.html` is made from it. */
import { z } from 'zod';
import { figuresSchema, recordingResultSchema } from './report.ts';

const foldSchema = z.strictObject({
  fold: z.int(),
  /** Its folder; in the file relative to that of the file. */
  run: z.string(),
  recordings: z.int(),
  /** Recordings of the fold not judged because the same sound was trained on or chose the epoch; null if not known. */
  leftOut: z.int().nullable().default(null),
  accuracy: z.number(),
  balancedAccuracy: z.number(),
  macroF1: z.number(),
  /** Steps of the training; null if not known. */
  steps: z.int().nullable().default(null),
  durationS: z.number(),
});

export const crossvalSchema = z.strictObject({
  formatVersion: z.literal(3),
  createdAt: z.string(),
  dataset: z.strictObject({ id: z.string(), name: z.string() }),
  /** What was kept on one side of each split (`split.group_by`); null if not known. */
  groupBy: z.enum(['session', 'recorder_date', 'recording']).nullable().default(null),
  /** What was changed of the default configuration. */
  overrides: z.array(z.string()).default([]),
  folds: z.array(foldSchema),
  /** Over the test predictions of all folds together: every recording once. */
  pooled: figuresSchema,
  /** Over the folds; the spread is the sample standard deviation. */
  accuracy: z.strictObject({ mean: z.number(), spread: z.number() }),
  balancedAccuracy: z.strictObject({ mean: z.number(), spread: z.number() }),
  predictions: z.array(recordingResultSchema),
});

/** `crossval.json`: the folds of a cross-validation and their sum. */
export type Crossval = z.infer<typeof crossvalSchema>;
