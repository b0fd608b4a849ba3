import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, makeFolderSync } from './places.ts';

/** Why a binary cannot be loaded: the loader's message, or the signal that killed the process that tried. */
export interface ProbeFailure {
  readonly reason: string;
  readonly signal: NodeJS.Signals | null;
}

const TIME_LIMIT_MS = 60_000;

// Runs in the child. runtimeInfo makes LibTorch initialise, which is where a bad CPU or driver shows.
const TRIAL = `
const module = { exports: {} };
try {
  process.dlopen(module, process.argv[1]);
  const addon = module.exports;
  addon.initialize?.((code, message) => Object.assign(new Error(message), { code }));
  addon.runtimeInfo?.();
} catch (error) {
  process.stderr.write('\\nreason: ' + error.message);
  process.exit(3);
}`;

/**
 * Loads a binary in a child process first, so that a library that crashes is a message instead of a crash. A good verdict
 * is remembered in the cache until the binary or one of `libraries` changes; a bad one never is, as its cause may be
 * mended from outside.
 */
export function probe(binary: string, libraries: readonly string[]): ProbeFailure | null {
  const key = JSON.stringify([process.version, ...[binary, ...libraries].map(fingerprint)]);
  const verdict = join(cacheFolder(), 'probes', createHash('sha256').update(key).digest('hex').slice(0, 32));
  if (read(verdict) === key) return null;
  const failure = tryInChild(binary);
  if (!failure) remember(verdict, key);
  return failure;
}

/** The trial alone, with nothing remembered. */
export function tryInChild(binary: string): ProbeFailure | null {
  const env: NodeJS.ProcessEnv = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  // Hooks and coverage of the caller have no business in the child.
  for (const name of ['NODE_OPTIONS', 'NODE_V8_COVERAGE']) delete env[name];
  const child = spawnSync(process.execPath, ['--eval', TRIAL, binary], {
    env,
    encoding: 'utf8',
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.status === 0) return null;
  if (child.error && !child.signal) return { reason: child.error.message, signal: null };
  const reason = child.stderr.split('reason: ').at(-1)?.trim() ?? '';
  return { reason, signal: child.signal };
}

function fingerprint(path: string): string {
  const { mtimeMs, size } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: -1 };
  return `${path} ${mtimeMs} ${size}`;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function remember(path: string, text: string): void {
  try {
    makeFolderSync(dirname(path));
    writeFileSync(`${path}.${process.pid}`, text);
    renameSync(`${path}.${process.pid}`, path);
  } catch {
    // A cache that cannot be written costs a trial at each start, nothing else.
  }
}
