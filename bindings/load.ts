import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import {
  AudioError,
  AutobirdError,
  DisposedError,
  FormatError,
  InvalidArgumentError,
  NativeError,
  NativeLoadError,
} from './errors.ts';
import type { NativeAddon, NativeAudioAddon } from './native.ts';
import { libtorchRecord, packageRoot, setupCommand } from './places.ts';
import { probe } from './probe.ts';
import { explain, type LoadFacts } from './remedies.ts';

// With more cores than this, threads that spin between two parallel regions take no core from other work.
const FEW_CORES = 4;

let addon: NativeAddon | undefined;
let audioAddon: NativeAudioAddon | null | undefined;

/**
 * autobird.node, loaded once per environment (the main thread and each worker are one).
 * Throws NativeLoadError, whose message says what to do on this machine.
 */
export function loadAddon(): NativeAddon {
  if (addon) return addon;
  const root = packageRoot();
  const binary = join(root, 'build/Release/autobird.node');
  if (!existsSync(binary)) {
    throw new NativeLoadError(
      `autobird's native addon is not built: ${binary} is missing.\nRun \`${setupCommand(root)}\`; it fetches LibTorch and compiles.`,
    );
  }
  const libtorch = libtorchRecord(root)?.path ?? null;
  const libraries = libtorch ? [join(libtorch, 'lib', `libtorch_cpu.${extension()}`)] : [];
  const failure = probe(binary, libraries);
  if (failure) throw new NativeLoadError(explain(failure, factsOf(binary, root, libtorch)));
  waitPassively(root);
  addon = open<NativeAddon>(factsOf(binary, root, libtorch));
  return addon;
}

/**
 * audio.node (FFmpeg's libraries), or null where it was not built; then other decoders are used. One that was built but
 * does not load any more is announced by a process warning.
 */
export function loadAudioAddon(): NativeAudioAddon | null {
  if (audioAddon !== undefined) return audioAddon;
  const root = packageRoot();
  const binary = join(root, 'build/Release/audio.node');
  audioAddon = null;
  if (!existsSync(binary)) return null;
  const failure = probe(binary, []);
  if (failure) {
    process.emitWarning(explain(failure, factsOf(binary, root, null)), { type: 'AutobirdWarning' });
    return null;
  }
  audioAddon = open<NativeAudioAddon>(factsOf(binary, root, null));
  return audioAddon;
}

/** A native failure as the class that its code stands for; handed to the addons when they are loaded. */
export function makeError(code: string, message: string): Error {
  if (AUDIO_CODES.has(code)) return new AudioError(code, message);
  if (FORMAT_CODES.has(code)) return new FormatError(code, message);
  switch (code) {
    case 'invalid_argument':
      return new InvalidArgumentError(message);
    case 'native_load':
      return new NativeLoadError(message);
    case 'disposed':
      // The class words the sentence itself; C++ sends the same one.
      return new DisposedError(message.replace(/ was disposed.*/s, ''));
    case 'aborted':
    case 'overloaded':
    case 'deadline_exceeded':
      return new AutobirdError(code, message);
    default:
      return new NativeError(code, message);
  }
}

const AUDIO_CODES: ReadonlySet<string> = new Set([
  'empty_file',
  'not_audio',
  'truncated',
  'too_long',
  'too_many_channels',
  'bad_rate',
  'no_such_channel',
  'unsupported_codec',
  'unreadable',
  'no_samples',
]);

const FORMAT_CODES: ReadonlySet<string> = new Set(['format', 'damaged_checkpoint', 'damaged_shard', 'missing_shard']);

function factsOf(binary: string, root: string, libtorch: string | null): LoadFacts {
  return { binary, libtorch, setup: setupCommand(root) };
}

function open<Addon extends { initialize(factory: typeof makeError): void }>(facts: LoadFacts): Addon {
  try {
    const loaded: Addon = createRequire(import.meta.url)(facts.binary);
    loaded.initialize(makeError);
    return loaded;
  } catch (error) {
    if (error instanceof AutobirdError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new NativeLoadError(explain({ reason, signal: null }, facts), { cause: error });
  }
}

/**
 * OpenMP's threads spin while they wait, which on a small machine takes the processor from the threads they wait for: a
 * step took ten times as long. libgomp reads the variable from the C environment when it is loaded, so it is set before;
 * what the user has set stays.
 */
function waitPassively(root: string): void {
  if (process.env['OMP_WAIT_POLICY'] !== undefined || availableParallelism() > FEW_CORES) return;
  process.env['OMP_WAIT_POLICY'] = 'passive';
  // In a worker process.env is a copy that C does not see.
  if (!isMainThread) {
    createRequire(import.meta.url)(join(root, 'build/Release/env.node')).setDefault('OMP_WAIT_POLICY', 'passive');
  }
}

function extension(): string {
  return process.platform === 'darwin' ? 'dylib' : 'so';
}
