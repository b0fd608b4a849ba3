/** The schemas of a dataset's files (docs/dataset-format.md), and what its identity is made of. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { channelNumber } from '../audio/channel.ts';
import { channelSchema } from '../audio/channelSchema.ts';
import { byCodePoint } from '../byCodePoint.ts';
import { splitSchema } from '../config/schema.ts';
import type { DatasetManifest, Recording } from '../domain.ts';

export const datasetFormatVersion = 1;
const splitFormatVersion = 1;
export const shardFormatVersion = 1;

const hash = z.string().regex(/^[0-9a-f]{64}$/, '64 hex digits');
const text = z.record(z.string(), z.string());
const count = z.int().min(0);
/** Inside the dataset's folder. */
const insidePath = z
  .string()
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'a relative path inside the dataset');

const annotationSchema = z.strictObject({
  startS: z.number(),
  endS: z.number(),
  lowHz: z.number().nullable(),
  highHz: z.number().nullable(),
  label: z.string(),
});

/** What decoding teaches, in a shard as in `recordings.jsonl`. */
const decodedShape = {
  audioHash: hash,
  durationS: z.number().positive(),
  sampleRateHz: z.int().positive(),
  channels: z.int().positive(),
  codec: z.string(),
  decoder: z.string(),
  recordedAt: z.string().nullable(),
};

export const recordingSchema = z.strictObject({
  path: z.string(),
  contentHash: hash,
  ...decodedShape,
  label: z.string(),
  backgroundLabels: z.array(z.string()),
  annotations: z.array(annotationSchema),
  session: z.string().nullable(),
  groupKey: z.string().nullable(),
  fold: z.string().nullable(),
  metadata: text,
  peak: z.number().min(0),
  rms: z.number().min(0),
  sampleCount: z.int().positive(),
  shard: insidePath,
});

const rejectedSchema = z.strictObject({ path: z.string(), code: z.string(), reason: z.string() });

export const manifestSchema = z.strictObject({
  formatVersion: z.literal(datasetFormatVersion),
  id: z.string().regex(/^[0-9a-f]{16}$/, '16 hex digits'),
  name: z.string(),
  createdAt: z.string(),
  autobirdVersion: z.string(),
  rawDir: z.string(),
  sampleRateHz: z.int().positive(),
  /** Of older datasets it is missing: the mean. */
  channel: channelSchema.optional(),
  labels: z.array(z.string()),
  noEventLabels: z.array(z.string()),
  counts: z.strictObject({
    files: count,
    recordings: count,
    rejected: count,
    duplicates: count,
    sessions: count,
    durationS: z.number().min(0),
  }),
  columns: text,
  rejected: z.array(rejectedSchema),
  warnings: z.array(z.string()),
});

const sideSchema = z.enum(['train', 'val', 'test']);

export const splitFileSchema = z.strictObject({
  formatVersion: z.literal(splitFormatVersion),
  name: z.string(),
  datasetId: z.string(),
  options: splitSchema,
  assignments: z.array(z.strictObject({ path: z.string(), side: sideSchema, group: z.string() })),
  counts: z.strictObject({ train: count, val: count, test: count }),
  missing: z.array(z.strictObject({ label: z.string(), sides: z.array(sideSchema) })),
  unassigned: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
});

/** The facts of a recording in its shard: those from decoding, none that depend on the file's place or metadata. */
export const shardRecordingSchema = z.strictObject({
  // Here `recordedAt` is what GUANO, bext or comments say; metadata and file name come later.
  ...decodedShape,
  peak: z.number().min(0),
  rms: z.number().min(0),
  sampleCount: z.int().positive(),
  warnings: z.array(z.string()),
});

export type ShardRecording = z.infer<typeof shardRecordingSchema>;

/**
 * `Dataset.id`: of the rate, the channel unless it is the mean, the labels that mean "no event" where there are any, and everything about the recordings that
 * can change a prediction, in order of path.
 */
export function datasetId(
  { sampleRateHz, channel = 'mean' }: ShardOptions,
  noEventLabels: readonly string[],
  recordings: readonly Recording[],
): string {
  const noEvents = noEventLabels.length > 0 ? { noEventLabels: [...noEventLabels].sort(byCodePoint) } : {};
  const hash = createHash('sha256').update(
    JSON.stringify({ sampleRateHz, ...(channel !== 'mean' && { channel }), ...noEvents }),
  );
  for (const recording of [...recordings].sort((a, b) => byCodePoint(a.path, b.path))) {
    const { path, contentHash, label, backgroundLabels, session, groupKey, fold } = recording;
    const annotations = recording.annotations.map((a) => [a.startS, a.endS, a.lowHz, a.highHz, a.label]);
    hash.update(JSON.stringify([path, contentHash, label, backgroundLabels, annotations, session, groupKey, fold]));
  }
  return hash.digest('hex').slice(0, 16);
}

export type ShardOptions = Pick<DatasetManifest, 'sampleRateHz' | 'channel'>;

export function shardPath(contentHash: string, { sampleRateHz, channel = 'mean' }: ShardOptions): string {
  const which = channel === 'mean' ? '' : channel === 'best' ? '-best' : `-ch${channelNumber(channel)}`;
  return `shards/${contentHash.slice(0, 32)}-${sampleRateHz}${which}.safetensors`;
}
