import { readdir, stat } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import type { z } from 'zod';
import { AutobirdError, FormatError } from '../../bindings/errors.ts';
import type { ShardEntry } from '../../bindings/native.ts';
import { byCodePoint } from '../byCodePoint.ts';
import type { SplitConfig } from '../config/schema.ts';
import type { DatasetManifest, Recording, Side, Split } from '../domain.ts';
import { readJson, readJsonLines, writeJson } from '../files.ts';
import { readSafetensorsHeader, type SafetensorsHeader } from '../safetensors.ts';
import { decode, encode } from '../schema/case.ts';
import { suggestion } from '../suggest.ts';
import { datasetFormatVersion, datasetId, manifestSchema, recordingSchema, splitFileSchema } from './datasetFiles.ts';
import { describeSplit } from './describeSplit.ts';
import { datasetNames } from './listDatasets.ts';
import { checkNoLeak, type LeakReport, makeSplit } from './split.ts';

/**
 * A prepared folder: recordings with their labels, their samples in shards, and splits.
 *
 * ```ts
 * const dataset = await Dataset.open('data/pr19');
 * const split = await dataset.makeSplit(config.split);
 * const train = dataset.onSide(split, 'train');
 * const shards = await ShardSet.open(await dataset.shardEntries(train), features);
 * ```
 */
export class Dataset {
  /** Absolute. */
  readonly dir: string;
  readonly manifest: DatasetManifest;
  /** In order of path. */
  readonly recordings: readonly Recording[];

  constructor(dir: string, manifest: DatasetManifest, recordings: readonly Recording[]) {
    this.dir = resolve(dir);
    this.manifest = { ...manifest, rawDir: resolve(dir, manifest.rawDir) };
    this.recordings = recordings;
  }

  /**
   * Opens what `prepare` wrote.
   *
   * @throws AutobirdError `no_dataset` where there is none, or an unfinished one; FormatError for damage (`invalid_content`,
   *   `not_json`), a newer version (`newer_version`), or recordings that are not those of the manifest (`unfinished_dataset`)
   */
  static async open(dir: string): Promise<Dataset> {
    const path = join(dir, 'dataset.json');
    const json = await readJson(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new AutobirdError('no_dataset', await noDataset(dir), { cause: error });
    });
    checkVersion(json, path);
    const manifest = decode(manifestSchema, json, path);
    const lines = await readJsonLines(join(dir, 'recordings.jsonl'));
    const recordings = lines.map((line, i) =>
      decode(recordingSchema, line, `${join(dir, 'recordings.jsonl')}, line ${i + 1}`),
    );
    if (datasetId(manifest, manifest.noEventLabels, recordings) !== manifest.id) {
      throw new FormatError(
        'unfinished_dataset',
        `The recordings in ${dir} are not those of its dataset.json: preparing was interrupted, run autobird prepare again`,
      );
    }
    return new Dataset(dir, manifest, recordings);
  }

  /** Names of the splits that are there. */
  async splitNames(): Promise<string[]> {
    const names = await readdir(join(this.dir, 'splits')).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((name) => name.endsWith('.json'))
      .map((name) => name.slice(0, -'.json'.length))
      .sort(byCodePoint);
  }

  /** The split of that name. @throws AutobirdError `no_split`; FormatError `stale_split` when the dataset has changed since */
  async split(name: string): Promise<Split> {
    const path = join(this.dir, 'splits', `${name}.json`);
    const json = await readJson(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      const names = await this.splitNames();
      throw new AutobirdError(
        'no_split',
        `${this.dir} has no split ${JSON.stringify(name)}: there is ${names.join(', ') || 'none yet'}`,
        { cause: error },
      );
    });
    const split = decode(splitFileSchema, json, path);
    if (split.datasetId !== this.manifest.id) {
      throw new FormatError(
        'stale_split',
        `${path} was made for another state of the dataset (${split.datasetId}, now ${this.manifest.id}): run autobird prepare again`,
      );
    }
    return split;
  }

  /** The splits that were made for the dataset as it is, the newest first, those of one fold after all others. */
  async currentSplits(): Promise<Split[]> {
    const names = await this.splitNames();
    const made = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.dir, 'splits', `${name}.json`))).mtimeMs })),
    );
    const splits: Split[] = [];
    for (const { name } of made.sort((a, b) => b.at - a.at)) {
      try {
        splits.push(await this.split(name));
      } catch (error) {
        if (!(error instanceof FormatError) || error.code !== 'stale_split') throw error;
      }
    }
    const isFold = ({ options }: Split) => (options['fold'] ?? null) !== null;
    return [...splits.filter((split) => !isFold(split)), ...splits.filter(isFold)];
  }

  /** Makes the split of these options and writes it to `splits/`; equal options give the same file. Throws like `makeSplit`. */
  async makeSplit(config: SplitConfig): Promise<Split> {
    const split = makeSplit(this.recordings, config, this.manifest.id);
    await writeJson(
      join(this.dir, 'splits', `${split.name}.json`),
      encode(splitFileSchema, split as z.infer<typeof splitFileSchema>),
    );
    return split;
  }

  /** Whether each group is on one side only, with a sentence that says so. */
  checkNoLeak(split: Split): LeakReport {
    return checkNoLeak(split, this.recordings);
  }

  /** The split in lines for people: sizes, the check for leaks, and what could not be on every side. */
  describeSplit(split: Split): string[] {
    return describeSplit(split, this.recordings);
  }

  /** The recordings on one side, in order of path. */
  onSide(split: Split, side: Side): readonly Recording[] {
    const paths = new Set(split.assignments.filter((one) => one.side === side).map(({ path }) => path));
    return this.recordings.filter(({ path }) => paths.has(path));
  }

  /** Shards that no recording needs any more. They are kept for a file that comes back; deleting them is harmless. */
  async unusedShards(): Promise<{ readonly count: number; readonly bytes: number }> {
    const used = new Set(this.recordings.map(({ shard }) => shard));
    const names = await readdir(join(this.dir, 'shards'));
    const unused = names.filter((name) => name.endsWith('.safetensors') && !used.has(`shards/${name}`));
    const sizes = await Promise.all(unused.map(async (name) => (await stat(join(this.dir, 'shards', name))).size));
    return { count: unused.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
  }

  /**
   * Where the samples of recordings lie, in the order given, as `ShardSet.open` takes them.
   *
   * @throws FormatError `bad_shard` for a shard that is missing or not what the recording says
   */
  async shardEntries(recordings: readonly Recording[] = this.recordings): Promise<ShardEntry[]> {
    const entries: ShardEntry[] = [];
    for (const recording of recordings) {
      const path = join(this.dir, recording.shard);
      const header = await readSafetensorsHeader(path).catch((error: Error) => {
        throw badShard(path, recording, error.message, error);
      });
      entries.push(toShardEntry(path, header, recording));
    }
    return entries;
  }
}

/** What there is beside a dataset that is not there. */
async function noDataset(dir: string): Promise<string> {
  const { dir: root, base: name } = parse(resolve(dir));
  const names = await datasetNames(root).catch(() => []);
  const known =
    names.length === 0
      ? `run autobird prepare first`
      : `${suggestion(name, names)} (autobird data lists those in ${root})`;
  return `There is no finished dataset in ${dir}: ${known}`;
}

function toShardEntry(path: string, header: SafetensorsHeader, recording: Recording): ShardEntry {
  const pcm = header.tensors.find((tensor) => tensor.name === 'pcm');
  const scale = header.tensors.find((tensor) => tensor.name === 'scale');
  const { block_samples: blockText } = header.metadata;
  const blockSamples = Number(blockText);
  const { sampleCount } = recording;
  if (pcm === undefined || scale === undefined) throw badShard(path, recording, 'it holds no samples');
  if (
    pcm.dtype !== 'I16' ||
    scale.dtype !== 'F32' ||
    !Number.isSafeInteger(blockSamples) ||
    blockSamples < 1 ||
    pcm.byteLength !== 2 * sampleCount ||
    scale.byteLength !== 4 * Math.ceil(sampleCount / blockSamples)
  ) {
    throw badShard(path, recording, 'its tensors do not fit the recording');
  }
  return { path, pcmOffset: pcm.offset, scaleOffset: scale.offset, sampleCount, blockSamples };
}

function badShard(path: string, recording: Recording, reason: string, cause?: Error): FormatError {
  return new FormatError(
    'bad_shard',
    `The shard of ${recording.path} cannot be used (${reason}): delete ${path} if it is there and run autobird prepare again`,
    { cause },
  );
}

function checkVersion(json: unknown, path: string): void {
  const version = (json as { format_version?: unknown } | null)?.format_version;
  if (typeof version === 'number' && version > datasetFormatVersion) {
    throw new FormatError(
      'newer_version',
      `${path} has format version ${version}, this autobird reads up to ${datasetFormatVersion}: update autobird`,
    );
  }
}
