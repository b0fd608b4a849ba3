/** Recordings of a request, read within limits: multipart fields named `audio`, or a body that is one recording. */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { fastifyMultipart } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AutobirdError } from '../../src/index.ts';
import { sniff } from '../../src/service.ts';
import { clientKey } from './clientKey.ts';
import type { FairBudget, Hold } from './FairBudget.ts';
import { HttpProblem } from './HttpProblem.ts';

export interface UploadLimits {
  readonly maxFileBytes: number;
  readonly maxFiles: number;
}

export interface ReceivedFile {
  /** As the client called it, without folders; never a path of ours. */
  readonly name: string;
  /** Its bytes, or the path of the file that holds them. */
  readonly source: Uint8Array | string;
  readonly sizeBytes: number;
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
export const formBytes = 2 ** 16;

/** What is known of a recording when its last byte has been taken. */
export type TakenFile = Omit<ReceivedFile, 'name'>;

/** Puts the bytes of one recording somewhere as they arrive. @throws AutobirdError `too_large` */
export type TakeFile = (stream: Readable) => Promise<TakenFile>;

/** Leaves the bodies of `scope`'s routes, of whatever type, to {@link receiveAudio}, which counts them. */
export async function acceptUploads(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers();
  await scope.register(fastifyMultipart);
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

/**
 * Reads the upload of `request`. Give the result back (`using`) when the bytes are not needed any more.
 *
 * @throws AutobirdError `too_large`; HttpProblem 400 for a broken form, 413 for too many files, 415 for another kind of body, 422 without a recording, 503 where
 * other uploads fill the memory
 */
export async function receiveAudio(
  request: FastifyRequest,
  limits: UploadLimits,
  budget: FairBudget,
): Promise<Received> {
  const begin = performance.now();
  const most = budget.mostForOne;
  if ((announcedBytes(request, limits) ?? 0) > most) throw tooLarge(most);
  const hold = budget.hold(clientKey(request));
  try {
    const reading = readUpload(request, limits, (stream) => takeIntoMemory(stream, { ...limits, most }, hold));
    const received = await hold.whileHeld(reading);
    const end = performance.now();
    request.span?.stage('receive', begin, end, { 'autobird.files': received.files.length });
    return { ...received, receiveMs: end - begin, [Symbol.dispose]: () => hold.release() };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/**
 * Reads the upload of `request` piece by piece; `take` says where its recordings go.
 *
 * @throws as {@link receiveAudio}
 */
export async function readUpload(
  request: FastifyRequest,
  limits: UploadLimits,
  take: TakeFile,
): Promise<Pick<Received, 'files' | 'fields'>> {
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding !== 'identity') {
    throw new HttpProblem(
      415,
      'unsupported_encoding',
      `A recording is taken as it is, but this body is packed (Content-Encoding: ${encoding}): send it unpacked`,
    );
  }
  return request.isMultipart()
    ? await readForm(request, limits, take)
    : { files: [await readBody(request, take)], fields: {} };
}

/** What `content-length` says; undefined without one. @throws AutobirdError `too_large` */
export function announcedBytes(request: FastifyRequest, { maxFileBytes, maxFiles }: UploadLimits): number | undefined {
  const header = request.headers['content-length'];
  if (header === undefined) return undefined;
  const bytes = Number(header);
  const most = request.isMultipart() ? maxFileBytes * maxFiles + formBytes : maxFileBytes;
  if (bytes > most) throw tooLarge(most);
  return bytes;
}

async function readForm(request: FastifyRequest, limits: UploadLimits, take: TakeFile) {
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
        if (namesAPlace.test(part.fieldname)) throw noFile(part.fieldname);
        fields[part.fieldname] = String(part.value);
      } else if (part.fieldname !== audioField) {
        part.file.resume();
      } else {
        const taken = await take(part.file);
        if (part.file.truncated) throw tooLarge(maxFileBytes);
        files.push({ name: fileName(part.filename), ...taken });
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

async function readBody(request: FastifyRequest, take: TakeFile): Promise<ReceivedFile> {
  const { mediaType: type = '', raw } = request;
  const taken = await take(recordingTypes.test(type) ? raw : await recognized(raw, type));
  if (taken.sizeBytes === 0) throw new HttpProblem(422, 'missing', 'The body is empty: send a recording');
  const name = /filename="?([^";]+)"?/.exec(String(request.headers['content-disposition'] ?? ''))?.[1];
  return { name: fileName(name), ...taken };
}

/** Types under which a recording is read whatever its first bytes are: FFmpeg may know what we do not. */
const recordingTypes = /^(?:audio\/|video\/|application\/(?:octet-stream|ogg)$)/;

/** The body where its first bytes are those of a recording: curl says a form for any file. @throws HttpProblem 415 */
async function recognized(body: Readable, type: string): Promise<Readable> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await chunks.next();
  if (first.done || sniff(first.value).kind === null) {
    throw new HttpProblem(
      415,
      'unsupported_media_type',
      `Expected multipart/form-data with the field "${audioField}" (curl -F ${audioField}=@FILE), or a recording as the body (audio/*, video/*, application/ogg, application/octet-stream), but received ${type || 'no content type'}: recordings are uploaded, never fetched`,
    );
  }
  const rest = { [Symbol.asyncIterator]: () => chunks };
  return Readable.from(
    (async function* () {
      yield first.value;
      yield* rest;
    })(),
  );
}

async function takeIntoMemory(stream: Readable, limits: MemoryLimits, hold: Hold): Promise<TakenFile> {
  const bytes = await collect(stream, limits, hold);
  return { source: bytes, sizeBytes: bytes.byteLength, sha256: hash('sha256', bytes, 'hex') };
}

export interface MemoryLimits {
  /** Of this stream. */
  readonly maxFileBytes: number;
  /** Of all that the hold has. */
  readonly most: number;
}

/** The bytes of a stream, for which `hold` has room. @throws AutobirdError `too_large`; HttpProblem 503 */
export async function collect(stream: Readable, { maxFileBytes, most }: MemoryLimits, hold: Hold): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > maxFileBytes) throw tooLarge(maxFileBytes);
    if (hold.units + chunk.byteLength > most) throw tooLarge(most);
    hold.take(chunk.byteLength);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length);
}

function fileName(name: string | undefined): string {
  // Browsers write a quotation mark in a form's file name so.
  const last = (name ?? '').replaceAll('%22', '"').split(/[\\/]/).at(-1) ?? '';
  return printable(last).slice(0, 255) || 'recording';
}

/** Control characters have no business in a name that goes into logs and tables. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '');
}

function formProblem(error: unknown, { maxFileBytes, maxFiles }: UploadLimits): unknown {
  const { code = '', statusCode } = error as { readonly code?: string; readonly statusCode?: number };
  if (error instanceof HttpProblem || error instanceof AutobirdError) return error;
  if (code === 'FST_REQ_FILE_TOO_LARGE') return tooLarge(maxFileBytes);
  if (code === 'FST_FILES_LIMIT') {
    return new HttpProblem(413, 'too_many_files', `At most ${maxFiles} recordings are taken in one request`);
  }
  if (statusCode !== undefined && statusCode < 500) return error;
  const { message } = error as Error;
  return new HttpProblem(400, 'bad_form', `The form cannot be read (${message}): was the upload cut short?`);
}

/** Text fields that would say where a recording is. The service opens no path and calls no address that a client names. */
const namesAPlace = new RegExp(`^(?:${audioField}|.*(?:path|file|ur[il]))$`, 'i');

function noFile(field: string): HttpProblem {
  return new HttpProblem(
    422,
    'not_a_file',
    `Expected a file in "${audioField}" but received text in "${field}": upload the recording itself (curl -F ${audioField}=@FILE); paths and addresses are never opened`,
    { loc: ['body', field] },
  );
}

/** An upload is larger than `limit` bytes. */
export function tooLarge(limit: number): AutobirdError {
  return new AutobirdError('too_large', `The upload is larger than ${limit} bytes, the limit of this service`);
}
