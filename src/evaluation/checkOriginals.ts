import { readdir, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import { concurrently } from '../concurrently.ts';
import type { EvaluationConfig } from '../config/schema.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Recording } from '../domain.ts';
import { isMissingFile } from '../files.ts';

/**
 * What evaluating these recordings will read, in a line for people: printed before a training, not hours later.
 *
 * @throws AutobirdError `empty_raw_dir` where the folder of the original files is there with nothing in it
 */
export async function checkOriginals(
  { manifest }: Dataset,
  recordings: readonly Recording[],
  { audio }: Pick<EvaluationConfig, 'audio'>,
): Promise<string> {
  if (recordings.length === 0) return 'No test recordings in the split: there will be no report';
  const count = recordings.length;
  if (audio === 'shards')
    return `Evaluation will read the ${count} test recordings from the dataset (evaluation.audio=shards)`;
  const { rawDir } = manifest;
  const isThere = (path: string) =>
    stat(path).then(
      () => true,
      (error) => !isMissingFile(error),
    );
  if (!(await isThere(rawDir))) {
    return `Evaluation will read the ${count} test recordings from the dataset: the folder of the original files is not there (${rawDir})`;
  }
  if ((await readdir(rawDir).catch(() => ['unreadable'])).length === 0) {
    throw new AutobirdError(
      'empty_raw_dir',
      `${rawDir}, where the recordings of the dataset were, is empty: mount the drive that they are on, or evaluate without the original files (evaluation.audio=shards)`,
    );
  }
  const found = (
    await concurrently(recordings, 4 * availableParallelism(), undefined, ({ path }) => isThere(join(rawDir, path)))
  ).filter(Boolean).length;
  if (found === count) return `Evaluation will decode the ${count} test recordings from ${rawDir}`;
  return `Evaluation will decode ${found} of the ${count} test recordings from ${rawDir} and read those that are not there from the dataset`;
}
