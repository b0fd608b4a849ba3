/** The result of a job in every format, written as its recordings are done: a text of all of them may be longer than V8's longest. */
import { type FileHandle, open } from 'node:fs/promises';
import { type FormatWriter, resultToJson } from '../../src/service.ts';
import { asDiskFull } from '../jobs/DiskRoom.ts';
import { type ResultFormat, resultFormats } from '../jobs/spool.ts';
import { type PredictionQuery, type RecordingResult, recordingResultToJson, textWriter } from './predictionBody.ts';

/** Numbers of clips that are one piece of text. */
const numbersAtOnce = 100_000;

const textFormats = ['csv', 'raven'] as const;

export interface JobResultOptions {
  readonly pathOf: (format: ResultFormat) => string;
  readonly requestId: string;
  /** Of the recordings, in their order. */
  readonly names: readonly string[];
  readonly query: PredictionQuery;
  /** Called before so many bytes are written; what it throws ends it. */
  readonly take: (bytes: number) => Promise<void>;
}

export class JobResult {
  readonly #options: JobResultOptions;
  readonly #files: Readonly<Record<ResultFormat, FileHandle>>;
  #count = 0;
  /** Null until a model is known: tables have its labels and its band. */
  #writers: Readonly<Record<(typeof textFormats)[number], FormatWriter>> | null = null;
  #unwritten: RecordingResult[] = [];

  private constructor(options: JobResultOptions, files: Readonly<Record<ResultFormat, FileHandle>>) {
    this.#options = options;
    this.#files = files;
  }

  /** @throws DiskFullError, as every method does */
  static async open(options: JobResultOptions): Promise<JobResult> {
    const { pathOf, requestId } = options;
    const files = resultFormats.map((format) => open(pathOf(format), 'w'));
    const [json, csv, raven] = (await Promise.all(files)) as [FileHandle, FileHandle, FileHandle];
    const result = new JobResult(options, { json, csv, raven });
    try {
      await result.#write('json', `{"request_id":${JSON.stringify(requestId)},"predictions":[`);
    } catch (error) {
      await result.close();
      throw error;
    }
    return result;
  }

  /** The next recording. */
  async add(recordingResult: RecordingResult): Promise<void> {
    if (this.#count++ > 0) await this.#write('json', ',');
    for (const piece of jsonPieces(recordingResult, this.#options.query)) await this.#write('json', piece);
    this.#unwritten.push(recordingResult);
    if (!('error' in recordingResult)) await this.#writeTables(recordingResult.model);
  }

  /** After the last recording: all of it is on the disk then. */
  async end(): Promise<void> {
    await this.#write('json', ']}');
    await this.#writeTables();
    for (const format of textFormats) await this.#write(format, this.#writers?.[format].end() ?? '');
    for (const file of Object.values(this.#files)) await file.sync();
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#files).map((file) => file.close()));
  }

  async #writeTables(model?: Parameters<typeof textWriter>[1]): Promise<void> {
    if (this.#writers === null) {
      const { names, query } = this.#options;
      this.#writers = { csv: textWriter('csv', model, names, query), raven: textWriter('raven', model, names, query) };
      for (const format of textFormats) await this.#write(format, this.#writers[format].begin());
    }
    for (const result of this.#unwritten.splice(0)) {
      const row = 'error' in result ? result : result.prediction;
      for (const format of textFormats) await this.#write(format, this.#writers[format].write(row));
    }
  }

  async #write(format: ResultFormat, text: string): Promise<void> {
    if (text === '') return;
    const bytes = Buffer.from(text);
    await this.#options.take(bytes.byteLength);
    await this.#files[format].writeFile(bytes).catch((error: unknown) => {
      throw asDiskFull(error);
    });
  }
}

/** `recordingResultToJson` as text, clips a few at a time. */
function* jsonPieces(result: RecordingResult, query: PredictionQuery): Generator<string, void> {
  if ('error' in result || query.clips !== true) return yield JSON.stringify(recordingResultToJson(result, query));
  const { prediction } = result;
  const withoutClips = JSON.stringify(
    recordingResultToJson({ ...result, prediction: { ...prediction, clips: [] } }, query),
  );
  // Quotation marks within a JSON text have a backslash before them: this is the key.
  const [head, tail] = withoutClips.split('"clips":[]') as [string, string];
  yield `${head}"clips":[`;
  const atOnce = Math.max(1, Math.floor(numbersAtOnce / prediction.labels.length));
  for (let begin = 0; begin < prediction.clips.length; begin += atOnce) {
    const some = { ...prediction, detections: [], clips: prediction.clips.slice(begin, begin + atOnce) };
    const { clips } = resultToJson(some, true) as { readonly clips: readonly object[] };
    yield `${begin === 0 ? '' : ','}${JSON.stringify(clips).slice(1, -1)}`;
  }
  yield `]${tail}`;
}
