/** The group `drift`. */
import { z } from 'zod';
import { count, positive, share } from './numbers.ts';

/** What recordings are compared with, and from where on that is drift: for `autobird drift` and `autobird serve drift`. */
export const driftSchema = z.strictObject({
  /** A checkpoint, a run folder, a CSV file of rows, a folder of recordings or DATASET:SIDE; null for the model that `service` serves. */
  reference: z.string().nullable(),
  /** The same kinds; null for the prediction log of `service`. */
  current: z.string().nullable(),
  /** Share of drifted columns from which on the dataset has drifted. */
  share: share,
  /** A column has drifted where the p-value of its test is not larger. */
  pValue: share,
  /** A column has drifted where the distance of its test is not smaller. */
  distance: positive,
  /** Of corrected p-values, classes, confidence and embeddings. */
  level: z.number().gt(0).lt(1),
  /** A class is compared where both sides have so many rows of it. */
  classRows: count,
  /** Compare embeddings, where both sides have them. */
  embeddings: z.boolean(),
  /** Of the embeddings' test. */
  permutations: count,
  /** Stretches of rows that are compared one after the other. */
  window: z
    .strictObject({
      rows: count,
      /** A window also ends when it has lasted so long. */
      maxS: positive,
      /** Fewer rows are not compared. */
      minRows: z.int().min(2),
    })
    .refine(({ rows, minRows }) => minRows <= rows, { path: ['minRows'], message: 'at most rows' }),
  alarm: z
    .strictObject({
      /** A window is high from this share of drifted columns on. */
      raiseAt: share,
      /** A window is low below this share. */
      clearBelow: share,
      /** So many of the last `of` windows must be high to raise the alarm, low to end it. */
      windows: count,
      of: count,
    })
    .refine(({ raiseAt, clearBelow }) => clearBelow <= raiseAt, { path: ['clearBelow'], message: 'at most raise_at' })
    .refine(({ windows, of }) => windows <= of, { path: ['windows'], message: 'at most of' }),
  /** What only `autobird serve drift` reads. */
  monitor: z.strictObject({
    port: z.int().min(0).max(65535),
    /** Of metrics; null for none. */
    managementPort: z.int().min(0).max(65535).nullable(),
    /** Only rows of this version of a model; null for that of the reference, of all where it is no model. */
    modelVersion: z.string().nullable(),
    /** How often the log is looked at. */
    everyS: positive,
    /** Younger rows are left for the next time: another process may still be writing some of their time. */
    settleS: z.number().min(0),
    /** File of the windows and the alarm. */
    state: z.string(),
    /** Older windows are forgotten. */
    keepWindows: count,
    /** Told when the alarm is raised and when it is cleared. */
    webhook: z.strictObject({
      /** `https://…`; null for what the environment's AUTOBIRD_DRIFT_WEBHOOK_URL says, none without it. */
      url: z.string().nullable(),
      /** Of one try. */
      timeoutS: z.number().positive().max(3600),
    }),
  }),
});
