import { rm, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { FailedPrediction } from '../domain.ts';
import { writeFileAtomic } from '../files.ts';
import { csv } from '../formats/csv.ts';
import { type FormatContext, isFailed, type OutputFormat, type PredictionResult } from '../formats/index.ts';

/** Where results go. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  /** A file a recording, in the folders that the recordings are in below `context.root`. */
  | { readonly kind: 'folder'; readonly path: string };

/** Beside the output; a recording's own place tells nothing about where results may be written. */
export function journalPath(target: Target): string {
  return target.kind === 'file' ? `${target.path}.journal.jsonl` : join(target.path, 'journal.jsonl');
}

/** The file of one recording. The whole name is kept: `a.wav` and `a.mp3` are two recordings. */
export function recordingFile(folder: string, recording: string, format: OutputFormat, root: string): string {
  return join(folder, `${relative(root, resolve(recording))}${format.extension}`);
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

/** The file of one recording in a folder. */
export async function writeOwnFile(
  folder: string,
  result: PredictionResult,
  format: OutputFormat,
  context: FormatContext,
): Promise<void> {
  const writer = format.open(context);
  const text = writer.begin() + writer.write(result) + writer.end();
  await writeFileAtomic(recordingFile(folder, result.recording, format, context.root), text);
}

/** Removes what an earlier command wrote of a recording; nothing where there is nothing. */
export async function removeOwnFile(
  folder: string,
  recording: string,
  format: OutputFormat,
  { root }: FormatContext,
): Promise<void> {
  // A recording that could not be looked at may lie outside the folder of the others: no file was written of it.
  if (relative(root, resolve(recording)).split(sep)[0] === '..') return;
  await rm(recordingFile(folder, recording, format, root), { force: true });
}

/** `errors.csv` beside the output, where the format has no room for them; an old one goes when there are none. */
export async function writeErrors(
  target: Target,
  failed: readonly FailedPrediction[],
  format: OutputFormat,
  context: FormatContext,
): Promise<string | null> {
  const path = target.kind === 'file' ? `${target.path}.errors.csv` : join(target.path, 'errors.csv');
  if (failed.length === 0 || (format.holdsErrors && target.kind === 'file')) {
    await rm(path, { force: true });
    return null;
  }
  const writer = csv.open(context);
  await writeFileAtomic(path, [writer.begin(), ...failed.map((result) => writer.write(result))].join(''));
  return path;
}

/** A folder where one exists, where the path says so by a slash, or where the format knows no other way. */
export async function targetOf(output: string, format: OutputFormat): Promise<Target> {
  const isFolder = (await stat(output).catch(() => null))?.isDirectory() ?? false;
  const folder = isFolder || /[/\\]$/.test(output) || format.layout === 'file';
  return { kind: folder ? 'folder' : 'file', path: output };
}
