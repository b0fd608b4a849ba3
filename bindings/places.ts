import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { NativeLoadError } from './errors.ts';

/** The folder of autobird's package.json, from here upwards: this file runs from `bindings/` and from `dist/bindings/`. */
export function packageRoot(from: string = import.meta.dirname): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'autobird') return folder;
  }
  throw new NativeLoadError(`autobird's package.json was not found above ${from}: install the package again`);
}

/** Where LibTorch and verdicts about binaries are kept; scripts/setup/places.mjs has the same rule. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['AUTOBIRD_CACHE']) return env['AUTOBIRD_CACHE'];
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'autobird');
}

/**
 * Makes a folder, and those above it where they are missing. Node's own `recursive` never ends in a file system that takes no
 * folders, such as /proc. scripts/setup/places.mjs has the same rule.
 */
export function makeFolderSync(path: string): void {
  if (existsSync(path)) return;
  makeFolderSync(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process was first.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** What `autobird setup` wrote about the LibTorch that the addon is built for; null when there was no set-up. */
export function libtorchRecord(root: string): { readonly path: string; readonly version: string } | null {
  try {
    return JSON.parse(readFileSync(join(root, 'build/libtorch.json'), 'utf8'));
  } catch {
    return null;
  }
}

/** The command that sets autobird up, as it is typed there: a clone's README has it as an npm script. */
export function setupCommand(root: string, options = ''): string {
  const isClone = existsSync(join(root, 'tsconfig.build.json'));
  if (isClone) return `npm run setup${options ? ` -- ${options}` : ''}`;
  return `npx autobird setup${options ? ` ${options}` : ''}`;
}
