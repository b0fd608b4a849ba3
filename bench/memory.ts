/** Memory of processes, as Linux counts it. */
import { readFileSync } from 'node:fs';

/** Anonymous resident memory of this process: what it holds itself, touched pages of mapped files aside. */
export function anonymousBytes(): number {
  return 1024 * kibibytes('self', 'RssAnon');
}

/** Samples the anonymous memory until `stop`, which gives the largest value seen. */
export function watchAnonymousMemory(intervalMs = 50): { stop(): number } {
  let peak = anonymousBytes();
  const timer = setInterval(() => {
    peak = Math.max(peak, anonymousBytes());
  }, intervalMs);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(peak, anonymousBytes());
    },
  };
}

/**
 * Resident memory of a process and all below it, MiB; 0 where it has ended. Pages that they share count once for each.
 */
export function residentMiB(pid: number): number {
  try {
    const own = kibibytes(pid, 'VmRSS') / 1024;
    return childrenOf(pid).reduce((sum, child) => sum + residentMiB(child), own);
  } catch (error) {
    // It ended meanwhile, or is a zombie, which holds none.
    if (/ENOENT|ESRCH|VmRSS/.test((error as Error).message)) return 0;
    throw error;
  }
}

/** The processes that this one has started, the oldest first. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function kibibytes(pid: number | 'self', field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (line === null) throw new Error(`Expected ${field} in /proc/${pid}/status`);
  return Number(line[1]);
}
