/** The metadata of a checkpoint: the JSON under `autobird` in the header (docs/checkpoint-format.md). */
import { z } from 'zod';
import { channelSchema } from '../audio/channelSchema.ts';
import { featuresSchema, modelSchema } from '../config/schema.ts';

/** One validated epoch; the same object is a line of `metrics.jsonl`. */
export const epochRecordSchema = z.strictObject({
  /** 1-based: epochs done. */
  epoch: z.int(),
  /** Optimizer steps done. */
  step: z.int(),
  learningRate: z.number(),
  trainLoss: z.number(),
  /** Share of rows whose best class is the target's best class. */
  trainAccuracy: z.number(),
  /** Of the validation recordings; null where there are none. */
  valLoss: z.number().nullable(),
  valAccuracy: z.number().nullable(),
  valBalancedAccuracy: z.number().nullable(),
  samplesPerS: z.number(),
  durationS: z.number(),
});

export const metadataSchema = z.strictObject({
  labels: z.array(z.string()).min(1),
  noEventLabels: z.array(z.string()),
  features: featuresSchema,
  model: modelSchema,
  clips: z.strictObject({ lengthS: z.number().positive(), hopS: z.number().positive(), padLast: z.boolean() }),
  score: z.literal('softmax'),
  aggregation: z.enum(['majority', 'mean', 'activity']),
  calibration: z.strictObject({ temperature: z.number().positive() }),
  /** The resolved configuration of the run, spelled as in its YAML files (see `shareableConfig`); older ones may have other keys. */
  config: z.record(z.string(), z.unknown()),
  progress: z.strictObject({
    epoch: z.int(),
    step: z.int(),
    /** Of `training.metric` so far, null before the first validation or without validation recordings. */
    bestMetric: z.number().nullable(),
    bestEpoch: z.int(),
    finished: z.boolean(),
    history: z.array(epochRecordSchema),
  }),
  dataset: z.strictObject({
    id: z.string(),
    name: z.string(),
    split: z.string(),
    /** Which channels of recordings it was trained on, as for predicting; missing in older checkpoints, which have the mean. */
    channel: channelSchema.optional(),
    /** `splitHash` of the assignment it was trained with; older checkpoints lack this and the next. */
    splitHash: z.string().optional(),
    /** `soundsOf` the training recordings, so that evaluation can leave them out. */
    trainedOn: z.array(z.string()).optional(),
    /** The same of the validation recordings, which chose the epoch and the temperature; lacking in older checkpoints. */
    selectedOn: z.array(z.string()).optional(),
    /** Training clips and recordings of each class, after the filters. */
    counts: z.array(z.strictObject({ label: z.string(), clips: z.int(), recordings: z.int() })),
    /** Classes that could not be learned, and why. */
    leftOut: z.array(z.strictObject({ label: z.string(), reason: z.string() })),
    licences: z.array(z.strictObject({ licence: z.string(), recordings: z.int() })),
  }),
  versions: z.strictObject({
    autobird: z.string(),
    libtorch: z.string(),
    node: z.string(),
    createdAt: z.string(),
  }),
});

/** What was measured in a validated epoch. */
export type EpochRecord = z.infer<typeof epochRecordSchema>;
/** The metadata of a checkpoint, beside the tensors. */
export type CheckpointMetadata = z.infer<typeof metadataSchema>;
