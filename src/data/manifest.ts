/** Recordings and `dataset.json` out of what was decoded and what the metadata says. */
import { join, relative, resolve } from 'node:path';
import { byCodePoint } from '../byCodePoint.ts';
import type { DataConfig } from '../config/schema.ts';
import type { DatasetManifest, Recording, RejectedRecording } from '../domain.ts';
import { readJson } from '../files.ts';
import { counted } from '../formats/percentAndClock.ts';
import { groupBy } from '../groupBy.ts';
import { packageVersion } from '../packageRoot.ts';
import { decode } from '../schema/case.ts';
import {
  datasetFormatVersion,
  datasetId,
  manifestSchema,
  type ShardOptions,
  type ShardRecording,
  shardPath,
} from './datasetFiles.ts';
import type { LabelledFile } from './labelFiles.ts';
import { noEventLabelsOf } from './labels.ts';
import { fromDateAndTime, isUnsetClock, recordedAt } from './recordedAt.ts';

export interface DecodedFile {
  readonly file: LabelledFile;
  readonly contentHash: string;
  readonly known: ShardRecording;
}

export interface ManifestParts {
  readonly recordings: readonly Recording[];
  readonly decoded: readonly DecodedFile[];
  readonly rejected: readonly RejectedRecording[];
  readonly columns: DatasetManifest['columns'];
  readonly warnings: readonly string[];
}

export function toRecording({ file, contentHash, known }: DecodedFile, shards: ShardOptions): Recording {
  const { warnings: _, recordedAt: fromTags, ...facts } = known;
  const { date, time, annotations, metadata, ...rest } = file.metadata;
  return {
    ...facts,
    path: file.path,
    contentHash,
    recordedAt: recordedAt({ path: file.path, date, time, fromTags }),
    label: file.label,
    backgroundLabels: rest.backgroundLabels.filter((label) => label !== file.label),
    annotations: annotations
      .filter(({ startS }) => startS < known.durationS)
      .map((one) => ({ ...one, endS: Math.min(one.endS, known.durationS), label: one.label || file.label })),
    session: rest.session,
    groupKey: rest.groupKey,
    fold: rest.fold,
    metadata,
    shard: shardPath(contentHash, shards),
  };
}

/** Equal content keeps the date it was first made at, so that preparing again changes nothing. */
export async function makeManifest(
  dir: string,
  data: DataConfig,
  sampleRateHz: number,
  { recordings, decoded, rejected, columns, warnings }: ManifestParts,
): Promise<DatasetManifest> {
  const labels = [...new Set(recordings.map(({ label }) => label))].sort(byCodePoint);
  const noEventLabels = noEventLabelsOf(labels, data.noEventLabels);
  const sounds = new Set(recordings.map(({ audioHash }) => audioHash));
  const sessions = new Set(recordings.flatMap(({ session }) => (session === null ? [] : [session])));
  const manifest: DatasetManifest = {
    formatVersion: datasetFormatVersion,
    id: datasetId({ sampleRateHz, channel: data.channel }, noEventLabels, recordings),
    name: data.name,
    createdAt: new Date().toISOString(),
    autobirdVersion: packageVersion(),
    // Dataset and recordings may be moved together.
    rawDir: relative(resolve(dir), resolve(data.rawDir)) || '.',
    sampleRateHz,
    channel: data.channel,
    labels,
    noEventLabels,
    counts: {
      files: recordings.length + rejected.length,
      recordings: recordings.length,
      rejected: rejected.length,
      duplicates: recordings.length - sounds.size,
      sessions: sessions.size,
      durationS: recordings.reduce((sum, { durationS }) => sum + durationS, 0),
    },
    columns,
    rejected: [...rejected].sort((a, b) => byCodePoint(a.path, b.path) || byCodePoint(a.code, b.code)),
    warnings: [
      ...warnings,
      ...decodingWarnings(decoded),
      ...annotationWarnings(decoded),
      ...timeWarnings(decoded, recordings),
      ...copyWarnings(recordings),
    ],
  };
  const before = await readJson(join(dir, 'dataset.json'))
    .then((json) => decode(manifestSchema, json))
    .catch(() => null);
  if (before === null) return manifest;
  const dated = { ...manifest, createdAt: before.createdAt };
  return JSON.stringify(dated) === JSON.stringify(before) ? dated : manifest;
}

function decodingWarnings(decoded: readonly DecodedFile[]): string[] {
  return decoded.flatMap(({ file, known }) => known.warnings.map((warning) => `${file.path}: ${warning}`));
}

function annotationWarnings(decoded: readonly DecodedFile[]): string[] {
  return decoded.flatMap(({ file, known }) => {
    const beyond = file.metadata.annotations.filter(({ startS }) => startS >= known.durationS).length;
    if (beyond === 0) return [];
    const what = beyond === 1 ? '1 annotation begins' : `${beyond} annotations begin`;
    return [`${file.path}: ${what} after its end (${known.durationS.toFixed(1)} s) and was left out`];
  });
}

/** Dates that are not understood, and clocks that were never set. */
function timeWarnings(decoded: readonly DecodedFile[], recordings: readonly Recording[]): string[] {
  const written = new Map(decoded.map(({ file }) => [file.path, file.metadata.date]));
  const unread = [...written.values()].filter((date) => date !== '' && fromDateAndTime(date, '') === null);
  const unset = recordings.filter(
    ({ path, recordedAt }) => recordedAt !== null && !written.get(path) && isUnsetClock(recordedAt),
  );
  const warnings: string[] = [];
  if (unread.length > 0) {
    warnings.push(`${counted(unread.length, 'date')} not understood (${unread[0]}): write them as 2023-05-14`);
  }
  if (unset.length > 0) {
    const [first] = unset as [Recording];
    warnings.push(
      `${counted(unset.length, 'recording')} of a recorder whose clock was never set (${first.path}: ${first.recordedAt}): the times mean nothing`,
    );
  }
  return warnings;
}

/** Copies under two classes teach a contradiction. */
function copyWarnings(recordings: readonly Recording[]): string[] {
  return [...groupBy(recordings, ({ audioHash }) => audioHash).values()]
    .filter((copies) => new Set(copies.map(({ label }) => label)).size > 1)
    .map(
      (copies) =>
        `The same sound has several labels: ${copies.map(({ path, label }) => `${path} (${label})`).join(', ')}`,
    );
}
