import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import { byCodePoint } from '../byCodePoint.ts';
import type { RejectedRecording } from '../domain.ts';
import { counted } from '../formats/percentAndClock.ts';

/** A file that may be a recording; what it holds is known only when it has been decoded. */
export interface FoundFile {
  /** Relative to the raw folder, `/` between parts. */
  readonly path: string;
  readonly bytes: number;
}

export interface FoundFiles {
  /** Sorted by path (code points). */
  readonly files: readonly FoundFile[];
  /** What could not be looked at, sorted likewise: `unreadable_folder`, `symlink_loop`, `broken_link`, `bad_name`, `not_a_file`. */
  readonly rejected: readonly RejectedRecording[];
  /** What was passed over, counted: other extensions, folders of the system, hidden recordings. */
  readonly warnings: readonly string[];
  /** Folders directly below, those that were passed over left out. */
  readonly folders: readonly string[];
}

/** What file systems, storage boxes and notebooks put among the folders of a user. */
const systemFolders =
  /^(?:\..*|@eaDir|@Recycle|@Recently-Snapshot|#recycle|#snapshot|\$RECYCLE\.BIN|RECYCLER|System Volume Information|lost\+found|__MACOSX|__pycache__)$/i;

/**
 * Looks for recordings below a folder. Links are followed; a link to a folder that contains it is reported once. Extensions
 * are compared without case; `known` are files that are not recordings and need no word. What cannot be read is listed with its reason, never thrown and never skipped in silence.
 *
 * @throws AutobirdError `no_raw_dir` when the folder itself cannot be read
 */
export async function findRecordings(
  rawDir: string,
  extensions: readonly string[],
  known: readonly string[] = [],
): Promise<FoundFiles> {
  const tables = new Set(known.map((path) => resolve(path)));
  const wanted = new Set(extensions.map((extension) => `.${extension.replace(/^\./, '').toLowerCase()}`));
  const files: FoundFile[] = [];
  const rejected: RejectedRecording[] = [];
  const otherFiles = new Map<string, number>();
  const folders: string[] = [];
  const system: string[] = [];
  const hidden: string[] = [];

  async function visit(relative: string, above: readonly string[]): Promise<void> {
    const names = await readNames(join(rawDir, relative));
    if (!Array.isArray(names)) {
      if (relative === '') throw noRawDir(rawDir, names);
      rejected.push({
        path: relative,
        code: 'unreadable_folder',
        reason: `The folder cannot be read (${names.code}): check its permissions`,
      });
      return;
    }
    for (const name of names) {
      const path = relative === '' ? name : `${relative}/${name}`;
      const extension = extensionOf(name);
      const looksLikeAudio = wanted.has(extension);
      let info: Stats;
      try {
        info = await stat(join(rawDir, path));
      } catch (error) {
        rejected.push({ path, ...lookProblem(name, error as NodeJS.ErrnoException) });
        continue;
      }
      if (info.isDirectory() && systemFolders.test(name)) system.push(path);
      else if (info.isDirectory()) {
        if (relative === '') folders.push(name);
        const real = await realpath(join(rawDir, path));
        if (above.includes(real)) {
          rejected.push({
            path,
            code: 'symlink_loop',
            reason: 'The link leads back to a folder that contains it: remove it',
          });
        } else await visit(path, [...above, real]);
      } else if (!looksLikeAudio) {
        const expected = name.startsWith('.') || tables.has(resolve(rawDir, path));
        if (!expected) otherFiles.set(extension, (otherFiles.get(extension) ?? 0) + 1);
      } else if (name.startsWith('.')) hidden.push(path);
      else if (info.isFile()) files.push({ path, bytes: info.size });
      else
        rejected.push({
          path,
          code: 'not_a_file',
          reason: 'A pipe, socket or device cannot be a recording: leave it out',
        });
    }
  }

  const root = await realpath(rawDir).catch((error: NodeJS.ErrnoException) => {
    throw noRawDir(rawDir, error);
  });
  await visit('', [root]);
  const byPath = (a: { path: string }, b: { path: string }) => byCodePoint(a.path, b.path);
  return {
    files: files.sort(byPath),
    rejected: rejected.sort(byPath),
    warnings: [
      ...passedOver(otherFiles),
      ...passedOverNames('system or hidden folder', system),
      ...passedOverNames('hidden file', hidden),
    ],
    folders,
  };
}

/** `.mp3` of `a.b.MP3`; empty for names without one and for hidden files like `.mp3`. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot).toLowerCase() : '';
}

async function readNames(path: string): Promise<string[] | NodeJS.ErrnoException> {
  try {
    return (await readdir(path)).sort(byCodePoint);
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Why a name that a folder lists, or that was given, cannot be looked at, and what to do. */
export function lookProblem(name: string, { code }: NodeJS.ErrnoException): Omit<RejectedRecording, 'path'> {
  if (code === 'ELOOP') return { code: 'symlink_loop', reason: 'The link leads back to itself: remove it' };
  if (code !== 'ENOENT')
    return { code: 'unreadable', reason: `It cannot be looked at (${code}): check its permissions` };
  // What Node puts for bytes that are no UTF-8: the file has another name than this.
  if (name.includes('\ufffd')) {
    return { code: 'bad_name', reason: 'Its name is not in UTF-8, so it cannot be opened: rename it' };
  }
  return {
    code: 'broken_link',
    reason: 'The link leads nowhere, or the file went away while it was looked at: mend the link or try again',
  };
}

/** `2 files are passed over …: .aiff 1, .txt 1`; empty where there are none. */
function passedOver(otherFiles: ReadonlyMap<string, number>): string[] {
  const count = [...otherFiles.values()].reduce((sum, files) => sum + files, 0);
  if (count === 0) return [];
  const kinds = [...otherFiles]
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([kind, files]) => `${kind || 'without one'} ${files}`);
  const subject = count === 1 ? '1 file is' : `${count} files are`;
  return [`${subject} passed over, by extension: ${kinds.join(', ')}; add those of recordings to data.extensions`];
}

function passedOverNames(what: string, paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  const named = `${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ', …' : ''}`;
  return [`Passed over ${counted(paths.length, what)}: ${named}`];
}

function noRawDir(rawDir: string, error: NodeJS.ErrnoException): AutobirdError {
  const why = error.code === 'ENOENT' ? 'it does not exist' : `it cannot be read (${error.code})`;
  return new AutobirdError(
    'no_raw_dir',
    `Expected a folder of recordings at data.raw_dir=${rawDir} but ${why}: give the folder that holds a folder for each class`,
    { cause: error },
  );
}
