import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { AutobirdError, FormatError } from '../../bindings/errors.ts';
import type { Label, Prediction } from '../domain.ts';
import { appendLine } from '../files.ts';
import { isFailed } from '../formats/index.ts';
import { resultFromJson, resultToJson } from '../formats/json.ts';

/** Everything that decides the results, but not how they are written. */
export type JournalKey = Readonly<Record<string, string | number | boolean | null>>;

interface Entry {
  readonly contentHash: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Finished recordings, a JSON line each, beside the output: a prediction over a folder that was stopped goes on where it was,
 * and one to which recordings were added does only those. An entry counts as long as the file's content is the same. Only
 * places in the file are kept in memory, so an archive may be large.
 */
export class Journal {
  readonly path: string;
  readonly #labels: readonly Label[];
  readonly #clips: boolean;
  readonly #entries = new Map<string, Entry>();
  #end = 0;

  private constructor(path: string, labels: readonly Label[], clips: boolean) {
    this.path = path;
    this.#labels = labels;
    this.#clips = clips;
  }

  /**
   * @param clips keep the scores of clips too
   * @throws AutobirdError `other_options` where the journal was begun with another key
   */
  static async open(
    path: string,
    key: JournalKey,
    labels: readonly Label[],
    { clips, restart }: { readonly clips: boolean; readonly restart: boolean },
  ): Promise<Journal> {
    if (restart) await rm(path, { force: true });
    const journal = new Journal(path, labels, clips);
    const wanted = { ...key, clips };
    const began = await journal.#load();
    if (began === null) {
      await appendLine(path, { journal: wanted });
      journal.#end = (await stat(path)).size;
    } else {
      const differing = Object.entries(wanted).filter(([name, value]) => began[name] !== value);
      if (differing.length > 0) {
        const changes = differing.map(([name, value]) => `${name} was ${began[name]}, is ${value}`).join('; ');
        throw new AutobirdError(
          'other_options',
          `${path} was begun with other options (${changes}). Add --restart to start over, or give another --output.`,
        );
      }
    }
    return journal;
  }

  /** Recordings that are done, if their content is still the same. */
  get size(): number {
    return this.#entries.size;
  }

  /** The recording is in the journal, with the content that the file has now. */
  async has(recording: string): Promise<boolean> {
    const entry = this.#entries.get(recording);
    return entry !== undefined && entry.contentHash === (await contentHash(recording).catch(() => null));
  }

  async add(prediction: Prediction): Promise<void> {
    const hash = await contentHash(prediction.recording);
    const line = { content_hash: hash, result: resultToJson(prediction, this.#clips, 'all') };
    await appendLine(this.path, line);
    const bytes = Buffer.byteLength(JSON.stringify(line));
    this.#entries.set(prediction.recording, { contentHash: hash, offset: this.#end, bytes });
    this.#end += bytes + 1;
  }

  /** Reads results back, in the order that they are asked for. */
  async *results(recordings: Iterable<string>): AsyncGenerator<Prediction, void> {
    const handle = await open(this.path, 'r');
    try {
      for (const recording of recordings) {
        const entry = this.#entries.get(recording);
        if (entry !== undefined) yield await this.#read(handle, entry);
      }
    } finally {
      await handle.close();
    }
  }

  async #read(handle: FileHandle, { offset, bytes }: Entry): Promise<Prediction> {
    const buffer = Buffer.alloc(bytes);
    await handle.read(buffer, 0, bytes, offset);
    const { result } = JSON.parse(buffer.toString('utf8')) as { result: unknown };
    const prediction = resultFromJson(result, this.#labels);
    if (isFailed(prediction)) throw new FormatError('invalid_content', `${this.path} holds a failure: use --restart`);
    return prediction;
  }

  /** The first line's key, null where there is no journal. What a crash cut short at the end is left out and mended later. */
  async #load(): Promise<JournalKey | null> {
    let key: JournalKey | null = null;
    let rest = Buffer.alloc(0);
    const take = (bytes: Buffer): void => {
      const line = this.#parse(bytes);
      if (key === null) {
        if (line.journal === undefined) throw this.#foreign();
        key = line.journal;
      } else {
        const entry = { contentHash: line.content_hash, offset: this.#end, bytes: bytes.byteLength };
        this.#entries.set(line.result.recording, entry);
      }
      this.#end += bytes.byteLength + 1;
    };
    try {
      for await (const chunk of createReadStream(this.path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
        const text = Buffer.concat([rest, chunk]);
        let start = 0;
        for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
          take(text.subarray(start, end));
          start = end + 1;
        }
        rest = text.subarray(start);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // A last line that lacks only its line feed is whole: `appendLine` will add it.
    if (isJson(rest)) take(rest);
    return key;
  }

  #parse(line: Buffer): { journal?: JournalKey; content_hash: string; result: { recording: string } } {
    try {
      return JSON.parse(line.toString('utf8'));
    } catch {
      throw this.#foreign();
    }
  }

  #foreign(): FormatError {
    return new FormatError(
      'not_a_journal',
      `${this.path} is not a journal of autobird predict, or damaged: use --restart`,
    );
  }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

async function contentHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
