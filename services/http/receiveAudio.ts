/** Recordings of a request, read within limits: multipart fields named `audio`, or a body that is one recording. */
import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { fastifyMultipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ByteBudget } from './ByteBudget.ts';
import { HttpProblem } from './HttpProblem.ts';

export interface UploadLimits {
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

export interface ReceivedFile {
  /** As the client called it, without folders; never a path of ours. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of the file, hex. */
  readonly sha256: string;
}

export interface Received extends Disposable {
  readonly files: readonly ReceivedFile[];
  readonly fields: Readonly<Record<string, string>>;
  /** How long the body took to arrive. */
  readonly receiveMs: number;
}

/** Field of a multipart form that holds a recording. */
export const audioField = 'audio';

/** Room for boundaries, part headers and small fields beside the files. */
const formBytes = 64 * 1024;

/** Teaches `app` to read uploads; {@link receiveAudio} reads them. */
export async function acceptUploads(app: FastifyInstance): Promise<void> {
  await app.register(fastifyMultipart);
  // A body that is one recording is read by `receiveAudio` too, which counts it.
  app.addContentTypeParser(/^(?:audio\/|application\/octet-stream)/, (_request, _payload, done) => done(null));
}

/**
 * Reads the upload of `request`. Give the result back (`using`) when the bytes are not needed any more.
 *
 * @throws HttpProblem 400 for a broken form, 413 over a limit, 415 for another kind of body, 422 without a recording,
 * 503 where other uploads fill the memory
 */
export async function receiveAudio(
  request: FastifyRequest,
  limits: UploadLimits,
  budget: ByteBudget,
): Promise<Received> {
  const begin = performance.now();
  const announced = announcedBytes(request, limits);
  const hold = new Hold(budget);
  hold.take(announced ?? 0);
  try {
    const received = request.isMultipart()
      ? await readForm(request, limits, hold)
      : { files: [await readBody(request, limits, hold)], fields: {} };
    return { ...received, receiveMs: performance.now() - begin, [Symbol.dispose]: () => hold.release() };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/** What one request has taken of the budget: what it announced, and more only where it turns out to be more. */
class Hold {
  readonly #budget: ByteBudget;
  #taken = 0;
  #used = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  use(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.#taken) this.take(this.#used - this.#taken);
  }

  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }
}

function announcedBytes(request: FastifyRequest, { maxFileBytes, maxFiles }: UploadLimits): number | undefined {
  const header = request.headers['content-length'];
  if (header === undefined) return undefined;
  const bytes = Number(header);
  const most = request.isMultipart() ? maxFileBytes * maxFiles + formBytes : maxFileBytes;
  if (bytes > most) throw tooLarge(most);
  return bytes;
}

async function readForm(request: FastifyRequest, limits: UploadLimits, hold: Hold) {
  const files: ReceivedFile[] = [];
  const fields: Record<string, string> = {};
  const { maxFileBytes, maxFiles } = limits;
  const parts = request.parts({
    limits: {
      fileSize: maxFileBytes,
      files: maxFiles,
      fields: 32,
      parts: maxFiles + 32,
      fieldSize: 4096,
      headerPairs: 32,
    },
  });
  try {
    for await (const part of parts) {
      if (part.type === 'field') {
        fields[part.fieldname] = String(part.value);
      } else if (part.fieldname !== audioField) {
        part.file.resume();
      } else {
        const bytes = await collect(part.file, maxFileBytes, hold);
        if (part.file.truncated) throw tooLarge(maxFileBytes);
        files.push(received(part.filename, bytes));
      }
    }
  } catch (error) {
    throw formProblem(error, limits);
  }
  if (files.length === 0) {
    throw new HttpProblem(422, 'missing', 'Field required', { loc: ['body', audioField] });
  }
  return { files, fields };
}

async function readBody(request: FastifyRequest, { maxFileBytes }: UploadLimits, hold: Hold): Promise<ReceivedFile> {
  const type = request.mediaType ?? '';
  if (!/^(?:audio\/|application\/octet-stream)/.test(type)) {
    throw new HttpProblem(
      415,
      'unsupported_media_type',
      `Expected multipart/form-data with the field "${audioField}", or a recording as the body (audio/*), but received ${type || 'no content type'}`,
    );
  }
  const bytes = await collect(request.raw, maxFileBytes, hold);
  if (bytes.byteLength === 0) throw new HttpProblem(422, 'missing', 'The body is empty: send a recording');
  const name = /filename="?([^";]+)"?/.exec(String(request.headers['content-disposition'] ?? ''))?.[1];
  return received(name, bytes);
}

async function collect(stream: Readable, maxBytes: number, hold: Hold): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > maxBytes) throw tooLarge(maxBytes);
    hold.use(chunk.byteLength);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length);
}

function received(name: string | undefined, bytes: Uint8Array): ReceivedFile {
  // Browsers write a quotation mark in a form's file name so.
  const last = (name ?? '').replaceAll('%22', '"').split(/[\\/]/).at(-1) ?? '';
  return {
    name: printable(last).slice(0, 255) || 'recording',
    bytes,
    sha256: hash('sha256', bytes, 'hex'),
  };
}

/** Control characters have no business in a name that goes into logs and tables. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}

function formProblem(error: unknown, { maxFileBytes, maxFiles }: UploadLimits): unknown {
  const { code = '', statusCode } = error as { readonly code?: string; readonly statusCode?: number };
  if (error instanceof HttpProblem) return error;
  if (code === 'FST_REQ_FILE_TOO_LARGE') return tooLarge(maxFileBytes);
  if (code === 'FST_FILES_LIMIT') {
    return new HttpProblem(413, 'too_many_files', `At most ${maxFiles} recordings are taken in one request`);
  }
  if (statusCode !== undefined && statusCode < 500) return error;
  const { message } = error as Error;
  return new HttpProblem(400, 'bad_form', `The form cannot be read (${message}): was the upload cut short?`);
}

function tooLarge(limit: number): HttpProblem {
  return new HttpProblem(413, 'too_large', `The upload is larger than ${limit} bytes, the limit of this service`);
}
