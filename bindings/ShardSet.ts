import { setImmediate } from 'node:timers/promises';
import { abortable, type CallOptions } from './abortable.ts';
import type { Spectrogram } from './audio.ts';
import { DisposedError, expected } from './errors.ts';
import { loadAddon } from './load.ts';
import type {
  ClipTable,
  FeatureOptions,
  NativeShardSet,
  NormalisationStatistics,
  PackedShardEntries,
  ShardEntry,
} from './native.ts';

/** Per clip, each (N). */
export interface ClipLevels {
  /** Root mean square. */
  readonly rms: Float32Array;
  /** Population standard deviation over all cells of the log-mel. */
  readonly melSpread: Float32Array;
  /** How much happens in the clip. */
  readonly activity: Float32Array;
}

const natives = new WeakMap<ShardSet, NativeShardSet>();
const collected = new FinalizationRegistry<() => void>((leave) => leave());

/**
 * The samples of a dataset's recordings, memory-mapped, and what is measured over them. Calls run one after the other on
 * the set's own thread, each with as many helpers as it is told.
 */
export class ShardSet implements Disposable {
  /** Recordings in the set; their place in the list is their index. */
  readonly size: number;
  readonly #native: NativeShardSet;
  readonly #features: FeatureOptions;
  readonly #children = new Set<WeakRef<Disposable>>();
  #disposed = false;

  private constructor(native: NativeShardSet, features: FeatureOptions, size: number) {
    this.#native = native;
    this.#features = features;
    this.size = size;
    natives.set(this, native);
  }

  /**
   * Opens the shards of some recordings. Files are checked against their entries now and mapped when they are first read.
   * Throws FormatError: `missing_shard`, `damaged_shard`.
   */
  static async open(entries: readonly ShardEntry[], features: FeatureOptions): Promise<ShardSet> {
    const packed: PackedShardEntries[] = [];
    for (let begin = 0; begin < entries.length; begin += entriesATurn) {
      if (begin > 0) await setImmediate();
      packed.push(pack(entries.slice(begin, begin + entriesATurn)));
    }
    return new ShardSet(await loadAddon().openShards(packed, features), features, entries.length);
  }

  /** Level, spread and activity of each clip. Throws InvalidArgumentError for a clip of no recording. */
  clipLevels(clips: ClipTable, threads: number, options: CallOptions = {}): Promise<ClipLevels> {
    return this.#run(options, () => this.#native.clipLevels(clips, positive('threads', threads)));
  }

  /** Mean and standard deviation of each band over all frames of all clips, the same for any number of threads. */
  bandStatistics(clips: ClipTable, threads: number, options: CallOptions = {}): Promise<NormalisationStatistics> {
    return this.#run(options, () => this.#native.bandStatistics(clips, positive('threads', threads)));
  }

  /** How much happens in each `stepS` seconds of a recording; the last step may be shorter. */
  activityProfile(recording: number, stepS: number, options: CallOptions = {}): Promise<Float32Array> {
    return this.#run(options, () => this.#native.activityProfile(recording, stepS));
  }

  /** Samples of a recording; zeros where it has none. */
  readPcm(recording: number, startSample: number, sampleCount: number): Promise<Float32Array> {
    return this.#run({}, () => this.#native.readPcm(recording, startSample, sampleCount));
  }

  /** The spectrogram of the samples that {@link readPcm} would give, with the features that the set was opened with. */
  async logMel(recording: number, startSample: number, sampleCount: number): Promise<Spectrogram> {
    const { nMels: mels } = this.#features;
    const data = await this.#run({}, () => this.#native.logMel(recording, startSample, sampleCount));
    return { data, mels, frames: data.length / mels };
  }

  /**
   * @internal What reads from the set goes with it; one without references may go before. Throws DisposedError, with
   * the child disposed, where the set went while the child was made.
   */
  adopt(child: Disposable): () => void {
    if (this.#disposed) {
      child[Symbol.dispose]();
      throw new DisposedError('ShardSet');
    }
    const reference = new WeakRef(child);
    const leave = () => this.#children.delete(reference);
    this.#children.add(reference);
    collected.register(child, leave);
    return leave;
  }

  /** Closes the files, and disposes the trainers that were made with this set. */
  dispose(): void {
    this.#disposed = true;
    for (const child of [...this.#children]) child.deref()?.[Symbol.dispose]();
    this.#native.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #run<T>({ signal }: CallOptions, start: () => Promise<T>): Promise<T> {
    return abortable(
      signal,
      () => this.#native.abort(),
      // A native call checks its arguments before it returns: what it throws belongs into the promise.
      async () => start(),
    );
  }
}

/** The raw handle, for the handles that read from it; another object is refused by the addon. */
export function nativeShards(shards: ShardSet): NativeShardSet {
  const native = natives.get(shards);
  if (!native) throw expected('a ShardSet', 'shards', shards);
  return native;
}

/** Reading as many objects takes a few milliseconds, and then the event loop turns. */
const entriesATurn = 8192;

function pack(entries: readonly ShardEntry[]): PackedShardEntries {
  const places = new Float64Array(4 * entries.length);
  let at = 0;
  for (const entry of entries) {
    if (typeof entry.path !== 'string') throw expected('a string', 'path', entry.path);
    for (const name of ['pcmOffset', 'scaleOffset', 'sampleCount', 'blockSamples'] as const) {
      const place: unknown = entry[name];
      if (typeof place !== 'number') throw expected('a number', name, place);
      places[at++] = place;
    }
  }
  const paths = new TextEncoder().encode(entries.map(({ path }) => `${path}\0`).join(''));
  return { paths, places };
}

function positive(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw expected('a positive integer', name, value);
  return value;
}
