/**
 * Files that survive a kill at any instant: whole files are written aside, synced and renamed; JSON lines are appended,
 * and a last line that a crash cut short is not there for the reader.
 */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { AutobirdError, FormatError } from '../bindings/errors.ts';
import { isRunning } from './isRunning.ts';

const maxJsonBytes = 512 * 1024 * 1024 - 1024;
const maxLineBytes = 64 * 1024 * 1024;
const host = hostname()
  .replace(/[^A-Za-z0-9]/g, '')
  .slice(0, 32);
const temporaryName = /^\.autobird-([A-Za-z0-9]*)-(\d+)-[0-9a-f]+\.tmp$/;
const openFiles = new Set<string>();

/** A file beside its final place; `commit` puts it there, `discard` removes it. */
export interface PendingFile {
  readonly handle: FileHandle;
  readonly temporaryPath: string;
  /** Syncs the file, renames it over `path`, syncs the folder. */
  commit(): Promise<void>;
  /** Closes and removes it; harmless after `commit`. */
  discard(): Promise<void>;
}

/** Opens a file that will become `path` (its folder is made where missing). Throws AutobirdError (`disk_full`, `not_writable`). */
export async function openPending(path: string): Promise<PendingFile> {
  const folder = dirname(resolve(path));
  const temporaryPath = join(folder, `.autobird-${host}-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
  const handle = await explained(path, async () => {
    await makeFolder(folder);
    return open(temporaryPath, 'wx+');
  });
  openFiles.add(temporaryPath);
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await handle.close();
  };
  const discard = async (): Promise<void> => {
    await close().catch(() => {}); // what is to be removed need not close well
    await rm(temporaryPath, { force: true });
    openFiles.delete(temporaryPath);
  };
  const commit = (): Promise<void> =>
    explained(path, async () => {
      await handle.sync();
      await close();
      await rename(temporaryPath, path);
      openFiles.delete(temporaryPath);
      await syncFolder(folder);
    });
  return { handle, temporaryPath, commit, discard };
}

/**
 * Writes a whole file or nothing: aside in the same folder, synced, renamed. The folder is made where missing; after a
 * failure the old file is as it was.
 * Throws AutobirdError `disk_full` or `not_writable`, with what to do, and whatever `data` throws.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | ((handle: FileHandle) => Promise<void>),
): Promise<void> {
  const pending = await openPending(path);
  try {
    await explained(path, async () => {
      if (typeof data === 'function') await data(pending.handle);
      else await pending.handle.writeFile(data);
    });
    await pending.commit();
  } catch (error) {
    await pending.discard();
    throw error;
  }
}

/** Writes all bytes (`FileHandle.write` may write fewer), at `position` or where the file stands. */
export async function writeAll(handle: FileHandle, data: Uint8Array, position: number | null = null): Promise<void> {
  for (let done = 0; done < data.byteLength; ) {
    const at = position === null ? null : position + done;
    done += (await handle.write(data, done, data.byteLength - done, at)).bytesWritten;
  }
}

/**
 * Makes a folder, and those above it where they are missing. Node's own `recursive` never ends where a file system such as
 * /proc refuses a folder as if the one above were missing.
 *
 * @throws AutobirdError `not_writable` in that case; the errors of `mkdir` in others
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  if (await madeFolder(folder)) return;
  const parent = dirname(folder);
  await makeFolder(parent);
  // Once more: the one above it was missing, and is there now, whoever made it.
  if (await madeFolder(folder)) return;
  throw new AutobirdError('not_writable', `No folder can be made in ${parent}: choose another place than ${folder}`);
}

/** Whether `folder` is there now; not, where the one above it is missing, or is said to be. */
async function madeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (await isFolder(folder)) return true;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}

/** Runs `body`; an error of the operating system about writing `path` becomes one that says what to do. */
export async function explained<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw explain(path, error);
  }
}

function explain(path: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AutobirdError) return error;
  const folder = dirname(resolve(path));
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new AutobirdError(
        'disk_full',
        `No space left in ${folder} while writing ${basename(path)}: free some space there or choose another folder, then run the same command again. What was there before is unchanged.`,
        { cause: error },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new AutobirdError(
        'not_writable',
        `No permission to write ${basename(path)} in ${folder}: change the folder's owner or permissions, or choose another folder.`,
        { cause: error },
      );
    default:
      return error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a folder; there the rename is as durable as it gets.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    await handle.close();
  }
}

/** Removes what killed processes of this machine left half written in `folder`; gives the number of files removed. */
export async function removeLeftovers(folder: string): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    const [, owner, pid] = temporaryName.exec(name) ?? [];
    const path = join(resolve(folder), name);
    if (owner !== host || pid === undefined || openFiles.has(path)) continue;
    if (Number(pid) !== process.pid && isRunning(Number(pid))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

/**
 * Reads a JSON file (at most 512 MB, the longest text Node has).
 * Throws FormatError (`not_json`, `too_large`) with the file's name; a missing file is Node's own `ENOENT`.
 */
export async function readJson(path: string): Promise<unknown> {
  const { size } = await stat(path);
  if (size > maxJsonBytes) {
    throw new FormatError('too_large', `${path} has ${size} bytes: a JSON file may have at most ${maxJsonBytes}`);
  }
  const handle = await open(path, 'r');
  try {
    return parseJson(await handle.readFile(), path);
  } finally {
    await handle.close();
  }
}

/** Writes a value as JSON (two spaces, a line feed at the end), atomically. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Writes one JSON value a line, atomically. */
export async function writeJsonLines(path: string, values: Iterable<unknown>): Promise<void> {
  await writeFileAtomic(path, async (handle) => {
    let lines: string[] = [];
    for (const value of values) {
      lines.push(`${JSON.stringify(value)}\n`);
      if (lines.length === 1000) {
        await handle.appendFile(lines.join(''));
        lines = [];
      }
    }
    await handle.appendFile(lines.join(''));
  });
}

/**
 * Adds one JSON value as a line. A last line that a crash cut short is removed first, so that lines never run together.
 * One process at a time may append to a file.
 */
export async function appendLine(path: string, value: unknown): Promise<void> {
  await explained(path, async () => {
    await makeFolder(dirname(path));
    const handle = await open(path, 'a+');
    try {
      const start = await mendLastLine(handle);
      await writeAll(handle, Buffer.from(`${start}${JSON.stringify(value)}\n`));
    } finally {
      await handle.close();
    }
  });
}

/** Cuts a broken last line off; gives what must stand before the next one (`\n` after a whole line without its end). */
async function mendLastLine(handle: FileHandle): Promise<'' | '\n'> {
  const { size } = await handle.stat();
  if (size === 0) return '';
  let tail = Buffer.alloc(0);
  for (let start = size; start > 0; ) {
    const length = Math.min(start, start === size ? 1 : 65536);
    start -= length;
    const piece = Buffer.alloc(length);
    await handle.read(piece, 0, length, start);
    const lineFeed = piece.lastIndexOf(10);
    tail = Buffer.concat([piece.subarray(lineFeed + 1), tail]);
    if (lineFeed >= 0 || start === 0) break;
    if (tail.byteLength > maxLineBytes) break;
  }
  if (tail.byteLength === 0) return '';
  if (isJson(tail)) return '\n';
  await handle.truncate(size - tail.byteLength);
  return '';
}

function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes, '');
    return true;
  } catch {
    return false;
  }
}

/**
 * The values of a JSON lines file; a last line without its line feed that is not JSON (a crash while appending) is left
 * out. Throws FormatError (`not_json`) that names the line for any other damage.
 */
export async function readJsonLines(path: string): Promise<unknown[]> {
  const values: unknown[] = [];
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      values.push(parseJson(Buffer.concat(rest), `${path}, line ${values.length + 1}`));
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
    restBytes += chunk.byteLength - start;
    if (restBytes > maxLineBytes) {
      throw new FormatError('too_large', `${path}, line ${values.length + 1} has more than ${maxLineBytes} bytes`);
    }
  }
  const last = Buffer.concat(rest);
  if (last.byteLength > 0 && isJson(last)) values.push(parseJson(last, path));
  return values;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(bytes: Uint8Array, where: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes)) as unknown;
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8 text';
    throw new FormatError('not_json', `${where} is not JSON: ${reason}`, { cause: error });
  }
}

/** Whether a file could not be found, rather than not be read. */
export function isMissingFile(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}
