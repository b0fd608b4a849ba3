/**
 * From a folder of recordings to a dataset: find, hash, decode what is new, split, report. Shards are written first and
 * `dataset.json` last, so that the same command after a kill goes on where it was and ends with the same files.
 */
import { readdir, rmdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AudioError, AutobirdError } from '../../bindings/errors.ts';
import type { DecodeLimits } from '../../bindings/native.ts';
import { checkLimits, decodeLimits, durationGuard } from '../audio/limits.ts';
import { byCodePoint } from '../byCodePoint.ts';
import { concurrently } from '../concurrently.ts';
import { type ConfigSource, completeConfig } from '../config/completeConfig.ts';
import type { DataConfig, FeaturesConfig, SplitConfig } from '../config/schema.ts';
import type { JobOptions, Recording, RejectedRecording, Split } from '../domain.ts';
import { makeFolder, removeLeftovers, writeFileAtomic, writeJson, writeJsonLines } from '../files.ts';
import { takeLock } from '../lock.ts';
import { checkOptions, type OptionNames } from '../options.ts';
import { renderDataReport } from '../reports/dataReport.ts';
import { encode } from '../schema/case.ts';
import { Dataset } from './dataset.ts';
import { manifestSchema, recordingSchema, type ShardRecording, shardPath } from './datasetFiles.ts';
import { decodeRecording, readShardRecording } from './decodeRecording.ts';
import { checkDiskSpace } from './diskSpace.ts';
import { findRecordings } from './findRecordings.ts';
import { hashFile } from './hashFile.ts';
import { type LabelledFile, labelFiles } from './labelFiles.ts';
import { type DecodedFile, makeManifest, toRecording } from './manifest.ts';
import { readMetadata } from './metadata.ts';
import { tablesOf } from './readTable.ts';

/** What {@link prepare} reads and how, as a configuration. */
export type PrepareOptions = JobOptions & ConfigSource;

/** What preparing needs of a configuration. */
export interface PrepareSettings extends JobOptions {
  readonly data: DataConfig;
  readonly split: SplitConfig;
  readonly features: Pick<FeaturesConfig, 'sampleRateHz'>;
}

const prepareOptions: OptionNames<PrepareOptions> = {
  config: 1,
  overrides: 1,
  configDir: 1,
  signal: 1,
  onProgress: 1,
};

/**
 * Prepares `<data.root>/<data.name>`: shards, recordings, split and report. What was prepared before is not decoded again; a
 * file that cannot be used costs a row in `dataset.json` with its reason. Shards of recordings that have gone are kept, so that
 * putting a file back costs nothing.
 *
 * ```ts
 * const dataset = await prepare({ config: { data: { rawDir: 'birds', name: 'field' } } });
 * ```
 *
 * @throws AutobirdError `no_raw_dir`, `no_recordings`, `disk_full`, `not_writable`, `dataset_busy`; InvalidArgumentError
 *   for columns or split options that cannot be; ConfigError; FormatError `bad_csv`; `signal.reason` when aborted
 */
export async function prepare(options: PrepareOptions): Promise<Dataset> {
  checkOptions('prepare', options, prepareOptions);
  return prepareDataset({ ...options, ...completeConfig(options) });
}

/** As {@link prepare}, of resolved settings. */
export async function prepareDataset(settings: PrepareSettings): Promise<Dataset> {
  return (await prepareAndSplit(settings)).dataset;
}

export interface Prepared {
  readonly dataset: Dataset;
  /** That of `options.split`, which is in the dataset's `splits/` and report. */
  readonly split: Split;
}

/** As {@link prepare}; also gives the split it made. */
export async function prepareAndSplit(options: PrepareSettings): Promise<Prepared> {
  const { data, signal } = options;
  const dir = join(data.root, data.name);
  const folders = [dir, join(dir, 'shards'), join(dir, 'splits')];
  const made: string[] = [];
  for (const folder of [data.root, ...folders]) {
    if ((await stat(folder).catch(() => null)) === null) made.unshift(folder);
    await makeFolder(folder);
  }
  const lock = await takeLock(join(dir, '.lock'), { code: 'dataset_busy', doing: `${dir} is being prepared` });
  try {
    for (const folder of folders) await removeLeftovers(folder);
    return await prepareLocked(dir, options);
  } catch (error) {
    await lock.release();
    // One that holds something stays.
    for (const folder of made) await rmdir(folder).catch(() => {});
    throw error;
  } finally {
    await lock.release();
    signal?.throwIfAborted();
  }
}

async function prepareLocked(dir: string, options: PrepareSettings): Promise<Prepared> {
  const { features, onProgress } = options;
  const data = { ...options.data, metadata: await tablesOf(options.data.metadata) };
  onProgress?.({ stage: 'index', done: 0, total: 0, message: `Looking for recordings in ${data.rawDir}` });
  const found = await findRecordings(data.rawDir, data.extensions, data.metadata);
  const metadata = await readMetadata(data, found.files);
  const labelled = labelFiles(found, metadata, data);
  const rejected: RejectedRecording[] = [...found.rejected, ...metadata.rejected, ...labelled.rejected];

  const decoded = await decodeAll(dir, labelled.files, options, rejected);
  if (decoded.length === 0) throw noRecordings(data.rawDir, rejected);
  const recordings = decoded
    .map((one) => toRecording(one, { sampleRateHz: features.sampleRateHz, channel: data.channel }))
    .sort((a, b) => byCodePoint(a.path, b.path));

  const manifest = await makeManifest(dir, data, features.sampleRateHz, {
    recordings,
    decoded,
    rejected,
    columns: metadata.columns,
    warnings: [
      ...(await unreadTables(data)),
      ...found.warnings,
      ...metadata.warnings,
      ...labelled.warnings,
      ...tooFewClasses(recordings),
    ],
  });
  const dataset = new Dataset(dir, manifest, recordings);
  onProgress?.({ stage: 'split', done: 0, total: 0, message: 'Splitting by group' });
  const split = await dataset.makeSplit(options.split);
  await writeJsonLines(
    join(dir, 'recordings.jsonl'),
    recordings.map((recording) => encode(recordingSchema, recording as never)),
  );
  onProgress?.({ stage: 'report', done: 0, total: 0, message: 'Drawing the report' });
  await writeFileAtomic(join(dir, 'report.html'), await renderDataReport(dataset, split));
  await writeJson(join(dir, 'dataset.json'), encode(manifestSchema, manifest as never));
  return { dataset, split };
}

/** A table that lies beside the recordings is of them, but it is read only where it is named. */
async function unreadTables({ rawDir, metadata }: DataConfig): Promise<string[]> {
  if (metadata.length > 0) return [];
  const tables = (await readdir(rawDir)).filter((name) => /\.(?:csv|tsv)$/i.test(name)).sort(byCodePoint);
  const [first] = tables;
  if (first === undefined) return [];
  return [
    `${tables.length > 3 ? `${first} and ${tables.length - 1} more tables` : tables.join(', ')}: not read, so that the classes are the names of folders. To take them from the table: autobird prepare FOLDER --metadata FOLDER/${first}`,
  ];
}

function tooFewClasses(recordings: readonly Recording[]): string[] {
  const [only, ...others] = new Set(recordings.map(({ label }) => label));
  if (others.length > 0) return [];
  return [
    `There is one class, ${only}, and training needs at least two: a folder for each, or a table that names them (--metadata)`,
  ];
}

/** Hashes every file, then decodes those whose shard is not there; adds to `rejected` what cannot be read. */
async function decodeAll(
  dir: string,
  files: readonly LabelledFile[],
  { data, features, signal, onProgress }: PrepareSettings,
  rejected: RejectedRecording[],
): Promise<DecodedFile[]> {
  // One more than there are cores: one waits for the disk.
  const workers = data.workers ?? availableParallelism() + 1;
  const { sampleRateHz } = features;
  const { rawDir, channel } = data;
  const shardOf = (hash: string) => join(dir, shardPath(hash, { sampleRateHz, channel }));
  const limits = decodeLimits(data);
  let done = 0;
  const hashed = await concurrently(files, workers, signal, async (file, stop) => {
    const hash = await nullIfRejected(file.path, rejected, () =>
      hashWithin(join(rawDir, file.path), data.maxFileBytes, stop),
    );
    const known = hash === null ? null : await readShardRecording(shardOf(hash), sampleRateHz);
    onProgress?.({ stage: 'hash', done: ++done, total: files.length });
    // Limits may have become stricter since it was decoded.
    const allowed = await nullIfRejected(
      file.path,
      rejected,
      async () => known === null || withinLimits(known, limits),
    );
    return hash === null || !allowed ? null : { file, contentHash: hash, known };
  });
  const readable = hashed.filter((one) => one !== null);
  const fresh = [
    ...new Map(readable.filter(({ known }) => known === null).map((one) => [one.contentHash, one])).values(),
  ];
  await checkDiskSpace(
    dir,
    rawDir,
    fresh.map(({ file }) => file),
    sampleRateHz,
    { limits, signal },
  );
  // Equal bytes in several places are decoded once; if they cannot be, every place is rejected.
  done = 0;
  const results = new Map<string, ShardRecording | RejectedRecording>();
  await concurrently(fresh, workers, signal, async ({ file, contentHash }, stop) => {
    const failures: RejectedRecording[] = [];
    const known = await nullIfRejected(file.path, failures, () =>
      decodeRecording(join(rawDir, file.path), shardOf(contentHash), sampleRateHz, {
        limits,
        channel,
        signal: stop,
      }),
    );
    results.set(contentHash, known ?? (failures[0] as RejectedRecording));
    onProgress?.({ stage: 'decode', done: ++done, total: fresh.length, message: file.path });
  });
  return readable.flatMap(({ file, contentHash, known }) => {
    const result = known ?? (results.get(contentHash) as ShardRecording | RejectedRecording);
    if (!('code' in result)) return [{ file, contentHash, known: result }];
    rejected.push({ ...result, path: file.path });
    return [];
  });
}

/** @throws AudioError as decoding would */
function withinLimits({ channels, sampleRateHz, durationS }: ShardRecording, limits: DecodeLimits): true {
  checkLimits(limits, channels, sampleRateHz);
  durationGuard(limits, sampleRateHz)(durationS * sampleRateHz);
  return true;
}

/** Null, and a row in `rejected`, where the file is at fault; anything else (a full disk, an abort) goes on up. */
async function nullIfRejected<T>(
  path: string,
  rejected: RejectedRecording[],
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AudioError) rejected.push({ path, code: error.code, reason: error.message });
    else if (isReadError(error)) {
      rejected.push({
        path,
        code: 'unreadable',
        reason: `The file cannot be read (${error.code}): check its permissions`,
      });
    } else throw error;
    return null;
  }
}

function isReadError(error: unknown): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return (
    error instanceof Error && !(error instanceof AutobirdError) && ['EACCES', 'EPERM', 'EIO', 'ENOENT'].includes(code)
  );
}

async function hashWithin(path: string, maxBytes: number, signal: AbortSignal): Promise<string> {
  const { size } = await stat(path);
  if (size === 0) throw new AudioError('empty_file', 'The file has no bytes: copy it again or leave it out');
  if (size > maxBytes) {
    throw new AudioError(
      'too_large',
      `The file has ${size} bytes, data.max_file_bytes allows ${maxBytes}: cut it or raise the limit`,
    );
  }
  return hashFile(path, signal);
}

function noRecordings(rawDir: string, rejected: readonly RejectedRecording[]): AutobirdError {
  const shown = rejected.slice(0, 5).map(({ path, reason }) => `\n  ${path}: ${reason}`);
  const more = rejected.length > shown.length ? `\n  and ${rejected.length - shown.length} more` : '';
  const what =
    rejected.length === 0
      ? 'it holds no file with an extension of data.extensions'
      : `none of its ${rejected.length} files can be used:${shown.join('')}${more}`;
  return new AutobirdError('no_recordings', `Expected recordings below data.raw_dir=${rawDir} but ${what}`);
}
