import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError } from '../../bindings/errors.ts';
import { Run, type RunState } from './Run.ts';

export interface ListedRun {
  readonly run: Run;
  readonly state: RunState;
}

/** The runs below `root`, newest first. Folders without a `run.json` are not runs. */
export async function listRuns(root: string): Promise<ListedRun[]> {
  const dates = await folders(root);
  const dirs = (await Promise.all(dates.map((date) => folders(date)))).flat();
  const listed: ListedRun[] = [];
  for (const dir of [...dates, ...dirs]) {
    if (!(await stat(join(dir, 'run.json')).catch(() => null))?.isFile()) continue;
    const run = new Run(dir);
    listed.push({ run, state: await run.state() });
  }
  const newestFirst = (a: ListedRun, b: ListedRun) => (a.state.createdAt < b.state.createdAt ? 1 : -1);
  return listed.sort(newestFirst);
}

/**
 * Opens a run folder.
 *
 * @throws AutobirdError `not_found` where the folder is not a run
 */
export async function openRun(dir: string): Promise<ListedRun> {
  const run = new Run(dir);
  if (!(await stat(join(dir, 'run.json')).catch(() => null))?.isFile()) {
    throw new AutobirdError('not_found', `${dir} is not a run: it has no run.json. \`autobird runs\` lists them`);
  }
  return { run, state: await run.state() };
}

async function folders(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(dir, name));
}
