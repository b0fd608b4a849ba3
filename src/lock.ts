/**
 * A folder has one writer at a time. The lock is a file that names its holder and is touched while the holder lives, so
 * that a lock whose process was killed, or whose container is gone, does not keep others out.
 */
import { type FileHandle, link, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutobirdError } from '../bindings/errors.ts';
import { explained } from './files.ts';
import { isRunning } from './isRunning.ts';

const heartbeatMs = 15_000;
/** Four heartbeats: a busy machine or a slow network disk may miss some. */
const staleMs = 60_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, empty where the system does not say: tells two processes with one number apart. */
  readonly bornAt: string;
  readonly since: string;
}

/** Valid until `release()`, or until its process is gone. */
export interface Lock {
  /** Removes the lock file; harmless the second time. */
  release(): Promise<void>;
}

export interface LockOptions {
  /** Code of the error. */
  readonly code: string;
  /** What is being done by the holder, for the error: `runs/x is being written`. */
  readonly doing: string;
}

/**
 * Takes the lock `path`. One that is left over is taken over: on this machine that of a process that is gone; one of
 * another machine (or of a container with another name) when it was not touched for a minute.
 *
 * @throws AutobirdError with `code` that names the holder and the file; `disk_full`, `not_writable`
 */
export async function takeLock(path: string, { code, doing }: LockOptions): Promise<Lock> {
  const file = resolve(path);
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    bornAt: await birth(process.pid),
    since: new Date().toISOString(),
  };
  const own = JSON.stringify(holder);
  for (let attempt = 0; attempt < 20; attempt++) {
    const handle = await create(file, own);
    if (handle !== null) return keepFresh(file, handle, own);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) continue;
    const other = parse(text);
    if (other === null && attempt < 10) {
      // It is being written this moment, or was when its writer was killed.
      await sleep(100);
      continue;
    }
    if (other !== null && (await isAlive(other, file))) {
      throw new AutobirdError(
        code,
        `${doing} by process ${other.pid} on ${other.host} since ${other.since}: wait for it, or delete ${file} if that process is gone`,
      );
    }
    await removeStale(file, text);
  }
  throw new AutobirdError(code, `${doing} by other processes that come and go: wait for them, or delete ${file}`);
}

/** Touches the file regularly. It writes to the file it made, so that a newer lock of another process is not touched. */
function keepFresh(file: string, handle: FileHandle, text: string): Lock {
  const first = Buffer.from(text.slice(0, 1));
  // Writing, unlike setting the time, leaves it to the disk what time it is: clocks of machines differ. A beat that
  // fails (a network disk that is away) is made up by the next one.
  const timer = setInterval(() => void handle.write(first, 0, 1, 0).catch(() => {}), heartbeatMs);
  timer.unref();
  let released = false;
  return {
    release: async () => {
      if (released) return;
      released = true;
      clearInterval(timer);
      await handle.close();
      if ((await readFile(file, 'utf8').catch(() => null)) === text) await rm(file, { force: true });
    },
  };
}

/** Null where the file is there already. */
async function create(file: string, text: string): Promise<FileHandle | null> {
  try {
    return await explained(file, async () => {
      const handle = await open(file, 'wx');
      try {
        await handle.write(text, 0);
        return handle;
      } catch (error) {
        await handle.close();
        await rm(file, { force: true });
        throw error;
      }
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
    throw error;
  }
}

/**
 * Whether a living process holds the lock `path`. It only looks, also in a folder that cannot be written; a holder on another
 * machine whose clock is more than a minute off is misjudged.
 */
export async function isLocked(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => null);
  const holder = text === null ? null : parse(text);
  const isYoung = async () => {
    const touched = await stat(path).catch(() => null);
    return touched !== null && Date.now() - touched.mtimeMs < staleMs;
  };
  return holder !== null && (await isAlive(holder, path, isYoung));
}

async function isAlive(holder: Holder, file: string, isRecent = isTouched): Promise<boolean> {
  // Processes of another machine, or of another container on this one, cannot be signalled.
  if (holder.host !== hostname()) return isRecent(file);
  if (!isRunning(holder.pid)) return false;
  const bornAt = await birth(holder.pid);
  return bornAt === '' ? isRecent(file) : bornAt === holder.bornAt;
}

/** Whether the file was touched within a minute, by the clock of the disk it lies on. */
async function isTouched(file: string): Promise<boolean> {
  const probe = `${file}.now-${process.pid}`;
  try {
    await explained(probe, () => writeFile(probe, ''));
    const [touched, now] = await Promise.all([stat(file).catch(() => null), stat(probe)]);
    return touched !== null && now.mtimeMs - touched.mtimeMs < staleMs;
  } finally {
    await rm(probe, { force: true });
  }
}

/** Several may find the same dead lock: the one that moved something else than it read away puts that back. */
async function removeStale(file: string, text: string): Promise<void> {
  const aside = `${file}.stale-${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== text) {
    await link(aside, file).catch((error: NodeJS.ErrnoException) => {
      // Some disks know no links; there the rename may undo a lock that was taken in this instant.
      if (error.code !== 'EEXIST') return rename(aside, file);
      return undefined;
    });
  }
  await rm(aside, { force: true });
}

function parse(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isSafeInteger(holder.pid) && holder.pid > 0 && typeof holder.host === 'string' ? holder : null;
  } catch {
    return null;
  }
}

/** In ticks since the machine began; empty where /proc does not say. */
async function birth(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program may hold spaces and brackets: count from its last bracket.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
