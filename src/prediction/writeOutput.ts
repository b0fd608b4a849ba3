import { rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { FailedPrediction } from '../domain.ts';
import { writeFileAtomic } from '../files.ts';
import { csv } from '../formats/csv.ts';
import { type FormatContext, isFailed, type OutputFormat, type PredictionResult } from '../formats/index.ts';
import type { Journal } from './Journal.ts';

/** Where results go. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  /** A file a recording, in the folders that the recordings are in below `context.root`. */
  | { readonly kind: 'folder'; readonly path: string };

/** Beside the output; a recording's own place tells nothing about where results may be written. */
export function journalPath(target: Target): string {
  return target.kind === 'file' ? `${target.path}.journal.jsonl` : join(target.path, 'journal.jsonl');
}

/** One file with everything, written aside and renamed. */
export async function writeOneFile(
  path: string,
  results: AsyncIterable<PredictionResult>,
  format: OutputFormat,
  context: FormatContext,
): Promise<void> {
  const writer = format.open(context);
  const recordings: string[] = [];
  await writeFileAtomic(path, async (handle) => {
    await handle.appendFile(writer.begin());
    for await (const result of results) {
      if (!isFailed(result)) recordings.push(resolve(result.recording));
      await handle.appendFile(writer.write(result));
    }
    await handle.appendFile(writer.end());
  });
  // Raven opens the list as one sound (File > Open Sound Files), to which the table's times belong.
  if (format.name === 'raven')
    await writeFileAtomic(`${path}.list.txt`, recordings.map((file) => `${file}\n`).join(''));
}

/** The text of a file with one recording. */
export function resultText(result: PredictionResult, format: OutputFormat, context: FormatContext): string {
  const writer = format.open(context);
  return writer.begin() + writer.write(result) + writer.end();
}

/**
 * `errors.csv` beside the output, where the format has no room for them (`errors-2.csv` where there is such a file of the user);
 * an old one of ours goes when there are none.
 */
export async function writeErrors(
  target: Target,
  failed: readonly FailedPrediction[],
  format: OutputFormat,
  context: FormatContext,
  journal: Journal,
): Promise<string | null> {
  const [folder, first] =
    target.kind === 'file' ? [dirname(target.path), `${basename(target.path)}.errors`] : [target.path, 'errors'];
  const known = journal.nameOf('', 'errors');
  if (failed.length === 0 || (format.holdsErrors && target.kind === 'file')) {
    if (known !== undefined) await rm(join(folder, known), { force: true });
    return null;
  }
  let name = known ?? `${first}.csv`;
  if (known === undefined) {
    for (let i = 2; (await stat(join(folder, name)).catch(() => null)) !== null; i++) name = `${first}-${i}.csv`;
    await journal.own([{ name, format: 'errors', recording: '' }]);
  }
  const writer = csv.open(context);
  const path = join(folder, name);
  await writeFileAtomic(path, [writer.begin(), ...failed.map((result) => writer.write(result))].join(''));
  return path;
}

/** A folder where one exists, where the path says so by a slash, or where the format knows no other way. */
export async function targetOf(output: string, format: OutputFormat): Promise<Target> {
  const isFolder = (await stat(output).catch(() => null))?.isDirectory() ?? false;
  const folder = isFolder || /[/\\]$/.test(output) || format.layout === 'file';
  return { kind: folder ? 'folder' : 'file', path: output };
}
