import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import type { DecodeLimits } from '../../bindings/native.ts';
import { openAudio } from '../audio/openAudio.ts';
import { extensionOf, type FoundFile } from './findRecordings.ts';

/** Files whose headers are read for the duration; the others are taken to be like those of their extension. */
const sampled = 48;
/** No recording has fewer bytes a second (8 kbit/s): a header that claims more time than that lies. */
const fewestBytesPerS = 1000;

/**
 * Whether the shards of these files will fit, before any is written.
 *
 * @throws AutobirdError `disk_full` with the space needed, the space there is, and what to do
 */
export async function checkDiskSpace(
  dir: string,
  rawDir: string,
  files: readonly FoundFile[],
  sampleRateHz: number,
  options: { readonly limits: DecodeLimits; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (files.length === 0) return;
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  // Even the densest codec does not reach this: most folders need no closer look.
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  if ((total / fewestBytesPerS) * sampleRateHz * 2 < free) return;
  const needed = (await estimateSeconds(rawDir, files, options)) * sampleRateHz * 2;
  if (needed > free) {
    throw new AutobirdError(
      'disk_full',
      `Preparing needs about ${megabytes(needed)} in ${dir} but ${megabytes(free)} are free: free some space or choose another disk with data.root. What was there before is unchanged.`,
    );
  }
}

async function estimateSeconds(
  rawDir: string,
  files: readonly FoundFile[],
  options: { readonly limits: DecodeLimits; readonly signal?: AbortSignal | undefined },
): Promise<number> {
  const step = Math.max(1, Math.floor(files.length / sampled));
  const known = new Map<string, { bytes: number; seconds: number }>();
  for (let i = 0; i < files.length; i += step) {
    const file = files[i] as FoundFile;
    const seconds = await declaredSeconds(join(rawDir, file.path), options);
    if (seconds === null) continue;
    const sum = known.get(extensionOf(file.path)) ?? { bytes: 0, seconds: 0 };
    sum.bytes += file.bytes;
    sum.seconds += Math.min(seconds, file.bytes / fewestBytesPerS);
    known.set(extensionOf(file.path), sum);
  }
  return files.reduce((total, file) => {
    const like = known.get(extensionOf(file.path));
    // Without a witness: as an mp3 of 128 kbit/s.
    const perByte = like === undefined ? 1 / 16000 : like.seconds / like.bytes;
    return total + file.bytes * perByte;
  }, 0);
}

async function declaredSeconds(
  path: string,
  options: { readonly limits: DecodeLimits; readonly signal?: AbortSignal | undefined },
): Promise<number | null> {
  try {
    const source = await openAudio(path, options);
    const seconds = source.info.declaredDurationS;
    await source.close();
    return seconds;
  } catch {
    // It will be rejected with its reason when its turn comes.
    return null;
  }
}

export function megabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
