/**
 * Compiled addons in the user cache, a folder for each hash of all that they are made of: `npm ci`, which empties
 * node_modules/autobird, and a second clone copy in a second what takes minutes to compile.
 */
import { createHash, randomUUID } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir, makeFolderSync, readJson } from './places.mjs';

const KEPT_ENTRIES = 12;
const HOUR_MS = 3_600_000;
// Written last into an entry: the sha256 of each of its files.
const LIST = 'files.json';

const addonsDir = () => join(cacheDir(), 'addons');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/**
 * Copies `files` (paths relative to `folder`) from the entry of `hash`. False when there is no such entry, or when it is
 * damaged: it is removed then, and nothing was copied.
 */
export function restore(hash, folder, files) {
  const entry = join(addonsDir(), hash);
  const sums = readJson(join(entry, LIST));
  const contents = files.map((file) => readWhole(join(entry, file), sums?.[file]));
  if (contents.includes(null)) {
    remove(hash);
    return false;
  }
  for (const [i, file] of files.entries()) {
    const target = join(folder, file);
    mkdirSync(dirname(target), { recursive: true });
    // A process may have the file of before loaded: it keeps it, as this is another file of the same name.
    writeFileSync(`${target}.part`, contents[i], { mode: 0o755 });
    renameSync(`${target}.part`, target);
  }
  touch(entry);
  return true;
}

/** Puts `files` of `folder` into the cache. Several set-ups may do so at once: an entry appears whole or not at all. */
export function keep(hash, folder, files) {
  const addons = addonsDir();
  makeFolderSync(addons);
  const aside = mkdtempSync(join(addons, 'part-'));
  try {
    const sums = {};
    for (const file of files) {
      mkdirSync(dirname(join(aside, file)), { recursive: true });
      copyFileSync(join(folder, file), join(aside, file));
      sums[file] = sha256(readFileSync(join(aside, file)));
    }
    writeFileSync(join(aside, LIST), JSON.stringify(sums, null, 2));
    renameSync(aside, join(addons, hash));
  } catch (error) {
    // Another set-up was first, with the same files.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  prune(addons);
}

/** Removes the entries that were not used for longest, and what set-ups that were killed left behind. */
function prune(addons) {
  const entries = readdirSync(addons)
    .map((name) => ({ name, usedMs: statSync(join(addons, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.usedMs - a.usedMs);
  const isPart = ({ name }) => name.startsWith('part-');
  const old = entries.filter((entry) => !isPart(entry)).slice(KEPT_ENTRIES);
  const leftovers = entries.filter((entry) => isPart(entry) && Date.now() - entry.usedMs > HOUR_MS);
  for (const { name } of [...old, ...leftovers]) remove(name);
}

/** Renamed first: another set-up sees an entry whole or not at all, and may remove it at the same moment. */
function remove(name) {
  const aside = join(addonsDir(), `part-${randomUUID()}`);
  try {
    renameSync(join(addonsDir(), name), aside);
    rmSync(aside, { recursive: true, force: true });
  } catch {
    // Somebody else removed it, or the cache cannot be written.
  }
}

function readWhole(path, expected) {
  try {
    const bytes = readFileSync(path);
    return sha256(bytes) === expected ? bytes : null;
  } catch {
    return null;
  }
}

function touch(entry) {
  try {
    const now = new Date();
    utimesSync(entry, now, now);
  } catch {
    // A cache that cannot be written serves as well.
  }
}
