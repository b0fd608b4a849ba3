import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';

/**
 * The checkpoint file that a path means: the file itself, or the best checkpoint of a run folder.
 *
 * @throws AutobirdError `not_found` where there is none, naming what was looked for
 */
export async function findCheckpoint(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return path;
  if (found === null) {
    throw new AutobirdError('not_found', `No checkpoint or run folder at ${path}: check the path, or train first`);
  }
  const candidates = [join(path, 'checkpoints', 'best.safetensors'), join(path, 'best.safetensors')];
  for (const candidate of candidates) {
    if ((await stat(candidate).catch(() => null))?.isFile()) return candidate;
  }
  throw new AutobirdError(
    'not_found',
    `The folder ${path} holds no checkpoints/best.safetensors: give a run folder whose training validated at least once`,
  );
}
