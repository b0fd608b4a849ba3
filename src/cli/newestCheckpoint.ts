import { stat } from 'node:fs/promises';
import { listRuns } from '../run/listRuns.ts';
import { UsageError } from './errors.ts';

/**
 * The best checkpoint of the newest run that has one: what is meant where no checkpoint is named. `note` says which, how
 * far its training is where it is not done, and which runs were passed over.
 */
export async function newestCheckpoint(root: string, note: (line: string) => void): Promise<string> {
  for (const { run, state } of await listRuns(root, note)) {
    const path = run.bestCheckpoint;
    if (!(await stat(path).catch(() => null))?.isFile()) continue;
    const epoch = (await run.metrics()).at(-1)?.epoch ?? 0;
    note(`With the newest model, ${path}${state.finished ? '' : ` (unfinished, epoch ${epoch})`}`);
    return path;
  }
  throw new UsageError(`There is no trained run in ${root}: name a checkpoint or run, or train first (autobird train)`);
}
