import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// The owner touches its lock this often; a lock untouched for the second time was left by a killed process, whatever
// now runs under its pid, and wherever (a cache may be on a network disk).
const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

/** Runs `work` while no other process holds the same lock; `onWait` is told once who holds it. */
export async function withLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
  let told = false;
  while (!take(path, mine)) {
    if (removeIfStale(path)) continue;
    if (!told) onWait(`waiting for another set-up that is running (${describe(path)}; lock ${path})`);
    told = true;
    await sleep(300);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Somebody removed the lock by hand: the work goes on, the renames at its end are atomic anyway.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  const release = () => {
    if (content(path) === mine) rmSync(path, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    process.off('exit', release);
    release();
  }
}

function take(path, mine) {
  try {
    writeFileSync(path, mine, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function content(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function describe(path) {
  try {
    const { pid, host } = JSON.parse(content(path) ?? '{}');
    return `process ${pid} on ${host}`;
  } catch {
    return 'just started';
  }
}

/** True when there is no stale lock in the way any more. */
function removeIfStale(path) {
  const seen = content(path);
  if (seen === null) return true;
  if (!isStale(path, seen)) return false;
  // Between looking and removing, another waiter may have replaced the lock: move it aside, look again, put it back.
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return true;
  }
  if (content(aside) !== seen) {
    try {
      linkSync(aside, path);
    } catch {
      // Taken meanwhile.
    }
  }
  rmSync(aside, { force: true });
  return true;
}

function isStale(path, text) {
  try {
    if (Date.now() - statSync(path).mtimeMs > STALE_MS) return true;
    const { pid, host } = JSON.parse(text);
    if (host !== hostname()) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // ESRCH: the owner is gone. EPERM: it lives, as another user. A syntax error: it is being written right now.
    return error.code === 'ESRCH';
  }
}
