import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutobirdError } from '../../bindings/errors.ts';

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells two processes with one number apart, where the system says it. */
  readonly bornAt: string;
}

/**
 * Keeps a second `prepare` out of a dataset. A lock that a killed process of this machine left behind is taken over.
 *
 * @returns a function that gives the lock back
 * @throws AutobirdError `dataset_busy` while another process holds it
 */
export async function lockDataset(dir: string): Promise<() => Promise<void>> {
  const path = join(dir, '.lock');
  const own = JSON.stringify({ pid: process.pid, host: hostname(), bornAt: await birth(process.pid) } satisfies Holder);
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await create(path, own)) return () => rm(path, { force: true });
    const text = await readFile(path, 'utf8').catch(() => '');
    if (parse(text) === null && (await ageMs(path)) < 2000) {
      // It is being written this moment, or was when its writer was killed.
      await sleep(300);
      continue;
    }
    if (await isHeld(text)) throw busy(dir, path, text);
    // Only one of several that saw the dead lock gets to rename it; a new one that came between is put back.
    const aside = `${path}-${process.pid}`;
    const moved = await rename(path, aside).then(
      () => true,
      () => false,
    );
    if (!moved) continue;
    if ((await readFile(aside, 'utf8')) === text) await rm(aside, { force: true });
    else await rename(aside, path);
  }
  throw busy(dir, path, '');
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(text: string): Promise<boolean> {
  const holder = parse(text);
  if (holder === null) return false;
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const bornAt = await birth(holder.pid);
  return bornAt === '' || bornAt === holder.bornAt;
}

async function ageMs(path: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  return info === null ? 0 : Date.now() - info.mtimeMs;
}

function parse(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Holder;
    return typeof holder.pid === 'number' && typeof holder.host === 'string' ? holder : null;
  } catch {
    return null;
  }
}

/** When a process began, in ticks since the machine did; empty where /proc does not say. */
async function birth(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program may hold spaces and brackets: count from its last bracket.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function busy(dir: string, path: string, text: string): AutobirdError {
  const holder = parse(text);
  const who = holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return new AutobirdError(
    'dataset_busy',
    `${dir} is being prepared by ${who}: wait for it, or delete ${path} if that process is gone`,
  );
}
