/**
 * The process that has a lease, named by what the kernel says of it. A host name is not enough: two containers may have the same
 * one. Nor is a process number: it is given again, and every container counts its own.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { isRunning } from '../../src/service.ts';

/** Of this process. */
const owners = new Set<string>();

/** A new owner in this process: the place where its number means something, the number, when it began, a random part. */
export function newOwner(): string {
  const { pid } = process;
  const owner = [placeOfPids() ?? 'unknown', pid, startedAt(pid) ?? 0, randomBytes(8).toString('hex')].join(' ');
  owners.add(owner);
  return owner;
}

/** From then on the owner counts as gone. */
export function forgetOwner(owner: string): void {
  owners.delete(owner);
}

/** Whether the process has surely ended; false for an owner on another machine, in another container or of an older autobird. */
export function isGone(owner: string): boolean {
  const [place, pid, started, random] = owner.split(' ');
  if (random === undefined || place !== placeOfPids()) return false;
  if (Number(pid) === process.pid && started === String(startedAt(process.pid) ?? 0)) return !owners.has(owner);
  if (!isRunning(Number(pid))) return true;
  const now = startedAt(Number(pid));
  return now !== null && started !== '0' && String(now) !== started;
}

/** This boot of the kernel and this namespace of process numbers; null where the kernel does not say. */
function placeOfPids(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** In ticks since the kernel began; null where the kernel does not say. */
function startedAt(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything; the start is the 22nd (man 5 proc).
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return null;
  }
}
