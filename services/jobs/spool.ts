/** The folder of jobs: recordings are written there as they arrive, so that they take no memory. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyRequest } from 'fastify';
import { AutobirdError } from '../../src/index.ts';
import {
  announcedBytes,
  type Received,
  readUpload,
  type TakenFile,
  tooLarge,
  type UploadLimits,
} from '../http/receiveAudio.ts';
import { asDiskFull, type DiskRoom } from './DiskRoom.ts';
import type { Job } from './Job.ts';

/** What is not touched for so long belongs to a process that is gone. */
const abandonedMs = 3_600_000;

/** What a result is written as. */
export const resultFormats = ['json', 'csv', 'raven'] as const;
export type ResultFormat = (typeof resultFormats)[number];

const receiving = '.receiving-';
const jobFolder = /^[\da-f]{32}$/;

/** Codes of a body whose client has gone. */
const cutShort: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE']);

/**
 * Writes the recordings of `request` to the folder `id` of `dir`. It is there when all of them are; nothing is left of what
 * was refused or cut short.
 *
 * @throws as `readUpload`; DiskFullError; AutobirdError `cut_short`
 */
export async function spoolUpload(
  request: FastifyRequest,
  {
    dir,
    id,
    limits,
    room,
  }: { readonly dir: string; readonly id: string; readonly limits: UploadLimits; readonly room: DiskRoom },
): Promise<Pick<Received, 'files' | 'receiveMs'>> {
  const begin = performance.now();
  await room.check(announcedBytes(request, limits) ?? 0);
  const folder = join(dir, `${receiving}${id}`);
  try {
    await mkdir(folder);
    let count = 0;
    const { files } = await readUpload(request, limits, (stream) =>
      written(stream, join(folder, String(count++)), limits.maxFileBytes, room),
    );
    await rename(folder, join(dir, id));
    const placed = files.map((file, index) => ({ ...file, source: recordingPath(dir, id, index) }));
    return { files: placed, receiveMs: performance.now() - begin };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const reason = asDiskFull(error);
    if (!cutShort.has((reason as { readonly code?: string }).code ?? '')) throw reason;
    throw new AutobirdError('cut_short', 'The upload was cut short: send it again');
  }
}

/** The file of a job's recording `index`. */
export function recordingPath(dir: string, id: string, index: number): string {
  return join(dir, id, String(index));
}

/** Where an attempt at a job writes its result: one that another process began meanwhile has files of its own. */
export function resultPath(dir: string, { id, attempts }: Pick<Job, 'id' | 'attempts'>, format: ResultFormat): string {
  return join(dir, id, `result-${attempts}.${format}`);
}

/** Removes what uploads that were cut short by a kill, and jobs that are not `known` any more, have left. */
export async function removeAbandoned(dir: string, known: (id: string) => boolean): Promise<void> {
  for (const name of await readdir(dir)) {
    const abandoned = name.startsWith(receiving) || (jobFolder.test(name) && !known(name));
    if (!abandoned || Date.now() - (await lastTouched(join(dir, name))) < abandonedMs) continue;
    await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function lastTouched(folder: string): Promise<number> {
  try {
    const paths = [folder, ...(await readdir(folder)).map((name) => join(folder, name))];
    const times = await Promise.all(paths.map(async (path) => (await stat(path)).mtimeMs));
    return Math.max(...times);
  } catch (error) {
    // Moved to its place, or removed by another process, a moment ago.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Date.now();
    throw error;
  }
}

/** Room is looked for once for so many bytes. */
const roomBytes = 4 * 2 ** 20;

async function written(stream: Readable, path: string, maxBytes: number, room: DiskRoom): Promise<TakenFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let takenBytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.byteLength;
      hash.update(chunk);
      if (sizeBytes > maxBytes) done(tooLarge(maxBytes));
      else if (sizeBytes <= takenBytes) done(null, chunk);
      else {
        takenBytes += roomBytes;
        room.take(roomBytes).then(
          () => done(null, chunk),
          (error: Error) => done(error),
        );
      }
    },
  });
  await pipeline(stream, count, createWriteStream(path, { flags: 'wx' }));
  return { source: path, sizeBytes, sha256: hash.digest('hex') };
}
