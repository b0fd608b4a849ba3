import { lstat, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { findRecordings, lookProblem } from '../data/findRecordings.ts';
import type { FailedPrediction } from '../domain.ts';

export interface CollectedRecordings {
  /** As given, or below a folder that was given; each file once. */
  readonly paths: readonly string[];
  /** What was found but cannot be a recording, or does not exist. */
  readonly failed: readonly FailedPrediction[];
  /** What was passed over. */
  readonly warnings: readonly string[];
  /** Deepest absolute folder that holds all of them. */
  readonly root: string;
}

/**
 * Files as given, and recordings below folders in order of path. A file that is named is tried whatever its extension; in a
 * folder only `extensions` (any case) count.
 */
export async function collectRecordings(
  filesAndFolders: readonly string[],
  extensions: readonly string[],
): Promise<CollectedRecordings> {
  const paths: string[] = [];
  const failed: FailedPrediction[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  for (const given of filesAndFolders) {
    const found = await stat(given).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      failed.push({ recording: given, error: await notThere(given, found) });
      continue;
    }
    const inside = found.isDirectory() ? await findRecordings(given, extensions) : null;
    for (const warning of inside?.warnings ?? []) warnings.push(`${given}: ${warning}`);
    for (const { path, code, reason } of inside?.rejected ?? []) {
      failed.push({ recording: join(given, path), error: { code, message: reason } });
    }
    for (const path of inside === null ? [given] : inside.files.map((file) => join(given, file.path))) {
      const absolute = resolve(path);
      if (!seen.has(absolute)) paths.push(path);
      seen.add(absolute);
    }
  }
  return { paths, failed, warnings, root: commonFolder(paths) };
}

/** A link that leads nowhere is there, other than what was never there. */
async function notThere(given: string, error: NodeJS.ErrnoException): Promise<FailedPrediction['error']> {
  if (error.code === 'ENOENT' && (await lstat(given).catch(() => null)) === null) {
    return { code: 'not_found', message: 'There is no such file or folder: check its name' };
  }
  const { code, reason } = lookProblem(given, error);
  return { code, message: reason };
}

function commonFolder(paths: readonly string[]): string {
  const [first, ...others] = paths.map((path) => dirname(resolve(path)));
  let root = first ?? process.cwd();
  for (const folder of others) {
    while (relative(root, folder).split(sep)[0] === '..') root = dirname(root);
  }
  return root;
}
