import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package: a clone, or `node_modules/autobird`. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const buildDir = join(root, 'build');

/** Which LibTorch the addon is built for: `{ path, version, variant, source }`. bindings/load.ts reads it too. */
export const libtorchRecord = join(buildDir, 'libtorch.json');

/** Where LibTorch and verdicts about binaries are kept between clones (bindings/load.ts has the same rule). */
export function cacheDir(env = process.env) {
  if (env.AUTOBIRD_CACHE) return env.AUTOBIRD_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'autobird');
}

/** Makes a folder that a user may have named, and those above it: bindings/places.ts has the same rule and its reason. */
export function makeFolderSync(path) {
  if (existsSync(path)) return;
  makeFolderSync(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}

/** A clone has the sources of dist and a lock file; an installed package has neither and needs neither. */
export const isClone = existsSync(join(root, 'tsconfig.build.json'));

/** Parsed JSON, or null when the file is missing or half written. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** The command that sets autobird up, as it is typed here: a clone's README has it as an npm script. */
export function setupCommand(options = '') {
  if (isClone) return `npm run setup${options ? ` -- ${options}` : ''}`;
  return `npx autobird setup${options ? ` ${options}` : ''}`;
}
