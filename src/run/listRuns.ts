import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import { Run, type RunState } from './Run.ts';

/** A run and how far it came. */
export interface ListedRun {
  readonly run: Run;
  readonly state: RunState;
}

/**
 * The runs below `root`, newest first. Folders without a `run.json` are not runs; one whose `run.json` cannot be read is
 * left out with a line to `note`, by default a warning of the process.
 */
export async function listRuns(
  root: string,
  note: (line: string) => void = (line) => process.emitWarning(line),
): Promise<ListedRun[]> {
  const dates = await folders(root);
  const dirs = (await Promise.all(dates.map((date) => folders(date)))).flat();
  const listed: ListedRun[] = [];
  for (const dir of [...dates, ...dirs]) {
    if (!(await stat(join(dir, 'run.json')).catch(() => null))?.isFile()) continue;
    const run = new Run(dir);
    try {
      listed.push({ run, state: await run.state() });
    } catch (error) {
      note(`Run left out: ${(error as Error).message}`);
    }
  }
  return listed.sort((a, b) => compare(b.state.createdAt, a.state.createdAt));
}

/**
 * Opens a run folder.
 *
 * @throws AutobirdError `not_found` where the folder is not a run
 */
export async function openRun(dir: string): Promise<ListedRun> {
  const run = new Run(dir);
  if (!(await stat(join(dir, 'run.json')).catch(() => null))?.isFile()) {
    throw new AutobirdError('not_found', `${dir} is not the folder of a run: it has no run.json`);
  }
  return { run, state: await run.state() };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function folders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name));
}
