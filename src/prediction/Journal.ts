import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AutobirdError, FormatError } from '../../bindings/errors.ts';
import { hashFile } from '../data/hashFile.ts';
import type { Label, Prediction } from '../domain.ts';
import { appendLine, writeFileAtomic } from '../files.ts';
import { isFailed } from '../formats/index.ts';
import { resultFromJson, resultToJson } from '../formats/json.ts';

/** Everything that decides the results, but not how they are written. */
export type JournalKey = Readonly<Record<string, string | number | boolean | null>>;

interface Entry {
  readonly contentHash: string;
  readonly offset: number;
  readonly bytes: number;
}

/** A file beside the journal, and the recording whose results it holds. */
export interface OwnedFile {
  /** Relative to the output folder. */
  readonly name: string;
  /** Name of the format: a recording has a file for each. */
  readonly format: string;
  /** Absolute path; empty for a file that is of no single recording. */
  readonly recording: string;
}

interface Line {
  readonly journal?: JournalKey;
  readonly files?: readonly OwnedFile[];
  readonly content_hash: string;
  /** Absolute; journals of earlier versions have only the path as it was given, in `result`. */
  readonly path?: string;
  readonly result: { readonly recording: string };
}

/**
 * Finished recordings, a JSON line each, beside the output: a prediction over a folder that was stopped goes on where it was,
 * and one to which recordings were added does only those. An entry counts as long as the file's content is the same. The
 * journal also says which file holds the results of which recording. Only places in the file are kept in memory, so an
 * archive may be large. It has one writer at a time: opening it takes the lock of the output.
 */
export class Journal {
  readonly path: string;
  readonly #labels: readonly Label[];
  readonly #clips: boolean;
  /** By absolute path. */
  readonly #entries = new Map<string, Entry>();
  readonly #owners = new Map<string, OwnedFile>();
  readonly #names = new Map<string, string>();
  #end = 0;
  #wasThere = false;

  private constructor(path: string, labels: readonly Label[], clips: boolean) {
    this.path = path;
    this.#labels = labels;
    this.#clips = clips;
  }

  /**
   * @param clips keep the scores of clips too
   * @param restart forget the results, but not whose the files are
   * @throws AutobirdError `other_options` where the journal was begun with another key; FormatError `not_a_journal`
   */
  static async open(
    path: string,
    key: JournalKey,
    labels: readonly Label[],
    { clips, restart }: { readonly clips: boolean; readonly restart: boolean },
  ): Promise<Journal> {
    const journal = new Journal(path, labels, clips);
    const wanted = { ...key, clips };
    const began = await journal.#load(restart);
    if (began === null || restart) {
      journal.#entries.clear();
      const files = [...journal.#owners.values()];
      const lines = [{ journal: wanted }, ...(files.length > 0 ? [{ files }] : [])];
      await writeFileAtomic(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      journal.#end = (await stat(path)).size;
      return journal;
    }
    journal.#wasThere = true;
    const differing = Object.entries(wanted).filter(([name, value]) => began[name] !== value);
    if (differing.length > 0) {
      const changes = differing.map(([name, value]) => `${name} was ${began[name]}, is ${value}`).join('; ');
      throw new AutobirdError(
        'other_options',
        `${path} was begun with other options (${changes}). Add --restart to start over, or give another --output.`,
      );
    }
    return journal;
  }

  /** It goes on with what an earlier command began. */
  get wasThere(): boolean {
    return this.#wasThere;
  }

  /** Recordings that are done, if their content is still the same. */
  get size(): number {
    return this.#entries.size;
  }

  /** The recording is in the journal, with the content that the file has now. */
  async has(recording: string): Promise<boolean> {
    const entry = this.#entries.get(resolve(recording));
    return entry !== undefined && entry.contentHash === (await hashFile(recording).catch(() => null));
  }

  async add(prediction: Prediction): Promise<void> {
    const path = resolve(prediction.recording);
    const contentHash = await hashFile(path);
    const { offset, bytes } = await this.#append({
      content_hash: contentHash,
      path,
      result: resultToJson(prediction, this.#clips, 'all'),
    });
    this.#entries.set(path, { contentHash, offset, bytes });
  }

  /** The file that holds a recording's results in a format; undefined where it has none yet. */
  nameOf(recording: string, format: string): string | undefined {
    return this.#names.get(nameKey({ recording, format }));
  }

  /** Whose results a file beside the journal holds; undefined where the journal does not know it. */
  ownerOf(name: string): OwnedFile | undefined {
    return this.#owners.get(name);
  }

  /** Writes down whose files are whose, before the first of them is made. */
  async own(files: readonly OwnedFile[]): Promise<void> {
    for (let first = 0; first < files.length; first += 1000) {
      await this.#append({ files: files.slice(first, first + 1000) });
    }
    for (const file of files) this.#remember(file);
  }

  #remember(file: OwnedFile): void {
    this.#owners.set(file.name, file);
    this.#names.set(nameKey(file), file.name);
  }

  async #append(line: object): Promise<{ readonly offset: number; readonly bytes: number }> {
    await appendLine(this.path, line);
    const bytes = Buffer.byteLength(JSON.stringify(line));
    const offset = this.#end;
    this.#end += bytes + 1;
    return { offset, bytes };
  }

  /** Reads results back in the order of `paths`, with these as their names. */
  async *results(recordings: Iterable<string>): AsyncGenerator<Prediction, void> {
    const handle = await open(this.path, 'r');
    try {
      for (const recording of recordings) {
        const entry = this.#entries.get(resolve(recording));
        if (entry !== undefined) yield { ...(await this.#read(handle, entry)), recording };
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
  async #load(restart: boolean): Promise<JournalKey | null> {
    let key: JournalKey | null = null;
    let rest = Buffer.alloc(0);
    const take = (bytes: Buffer): void => {
      const line = parseLine(bytes);
      if (key === null) {
        if (line?.journal === undefined) throw this.#foreign();
        key = line.journal;
      } else if (line?.files !== undefined) for (const file of line.files) this.#remember(file);
      else if (line !== null) {
        const entry = { contentHash: line.content_hash, offset: this.#end, bytes: bytes.byteLength };
        this.#entries.set(resolve(line.path ?? line.result.recording), entry);
      } else if (!restart) {
        throw new FormatError('not_a_journal', `${this.path} is damaged: use --restart`);
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
    // A last line that lacks only its line feed is complete: `appendLine` will add it.
    if (parseLine(rest) !== null) take(rest);
    else if (key === null && !beginning.startsWith(rest.toString('utf8', 0, beginning.length))) throw this.#foreign();
    return key;
  }

  #foreign(): FormatError {
    return new FormatError(
      'not_a_journal',
      `${this.path} is not a journal of autobird predict: move it away, or give another --output`,
    );
  }
}

/** Of the first line of every journal. */
const beginning = '{"journal":';

/** Null for text that is no line of a journal. */
function parseLine(bytes: Buffer): Line | null {
  try {
    const line = JSON.parse(bytes.toString('utf8')) as Partial<Line> | null;
    return isLine(line) ? line : null;
  } catch {
    return null;
  }
}

function isLine(line: Partial<Line> | null): line is Line {
  if (typeof line?.journal === 'object') return line.journal !== null;
  if (Array.isArray(line?.files)) return line.files.every(isOwnedFile);
  return typeof line?.content_hash === 'string' && typeof (line.path ?? line.result?.recording) === 'string';
}

function isOwnedFile(file: Partial<OwnedFile> | null): boolean {
  return [file?.name, file?.format, file?.recording].every((text) => typeof text === 'string');
}

function nameKey({ recording, format }: Omit<OwnedFile, 'name'>): string {
  return `${format} ${resolve(recording)}`;
}
