/** Which checkpoint is meant, and which runs there are where none is at a path that was given. */
import { stat } from 'node:fs/promises';
import { AutobirdError } from '../../bindings/errors.ts';
import { findCheckpoint } from '../prediction/findCheckpoint.ts';
import { listRuns } from '../run/listRuns.ts';
import { UsageError } from './errors.ts';

const shownRuns = 3;

/** The checkpoint file of a path that was given, else the best of the newest run in `root`; `note` says which. */
export async function chosenCheckpoint(
  given: string | undefined,
  root: string,
  note: (line: string) => void,
): Promise<string> {
  if (given === undefined) return newestCheckpoint(root, note);
  return namingRuns(root, () => findCheckpoint(given));
}

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

/** Does something with a run or checkpoint that was named; where it is not there, the error says which runs are. */
export async function namingRuns<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AutobirdError) || error.code !== 'not_found') throw error;
    const runs = (await listRuns(root, () => {})).map(({ run }) => run.dir);
    const known =
      runs.length === 0
        ? `There are no runs in ${root} yet: autobird train makes one`
        : `The newest of ${runs.length} in ${root} (autobird runs lists them):\n  ${runs.slice(0, shownRuns).join('\n  ')}`;
    throw new AutobirdError(error.code, `${error.message}\n${known}`, { cause: error });
  }
}
