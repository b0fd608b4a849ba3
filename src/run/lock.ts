import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';

/** Who works in a run folder. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

const held = new Set<string>();

/** Held while a process writes to a run folder; released by `release`, or found dead by the next one. */
export interface RunLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a run folder. One left by a process that is gone is taken over.
 *
 * @throws AutobirdError `run_in_use` that names the process that has it
 */
export async function lockRun(dir: string): Promise<RunLock> {
  const path = join(dir, 'run.lock');
  const own = `${path}.${process.pid}`;
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  await writeFile(own, JSON.stringify(holder));
  try {
    for (;;) {
      if (await linked(own, path)) break;
      const text = await readFile(path, 'utf8').catch(() => null);
      if (text === null) continue;
      const other = parse(text);
      if (other !== null && isAlive(other, path)) throw inUse(dir, path, other);
      await removeStale(path, text);
    }
  } finally {
    await rm(own, { force: true });
  }
  held.add(path);
  return {
    release: async () => {
      held.delete(path);
      await rm(path, { force: true });
    },
  };
}

/** A hard link appears whole or not at all, and never over another. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two processes may find the same dead lock: the one that renames something else than it read puts it back. */
async function removeStale(path: string, text: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== text) await linked(aside, path);
  await rm(aside, { force: true });
}

function parse(text: string): Holder | null {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder, path: string): boolean {
  // Another machine's processes cannot be asked.
  if (holder.host !== hostname()) return true;
  // In containers every start has the same process id: only this process knows whether it holds the lock.
  if (holder.pid === process.pid) return held.has(path);
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(dir: string, path: string, holder: Holder): AutobirdError {
  return new AutobirdError(
    'run_in_use',
    `${dir} is being written by process ${holder.pid} on ${holder.host} since ${holder.since}: wait for it, or delete ${path} if that process is gone`,
  );
}
