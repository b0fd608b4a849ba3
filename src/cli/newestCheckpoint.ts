import { stat } from 'node:fs/promises';
import { listRuns } from '../run/listRuns.ts';
import { UsageError } from './errors.ts';

/** The best checkpoint of the newest run that has one: what is meant where no checkpoint is named. */
export async function newestCheckpoint(root: string): Promise<string> {
  for (const { run } of await listRuns(root)) {
    if ((await stat(run.bestCheckpoint).catch(() => null))?.isFile()) return run.bestCheckpoint;
  }
  throw new UsageError(`There is no trained run in ${root}: name a checkpoint or run, or train first (autobird train)`);
}
