/** `autobird log` and `autobird jobs` in a process of its own, as `autobird serve` is: its task is one argument, as JSON. */
import { join } from 'node:path';
import { AutobirdError } from '../src/index.ts';
import { backUp, restore, takeBack } from './database/copies.ts';
import { jobsFile, jobTables } from './jobs/jobTables.ts';
import { logTables } from './predictionLog/logTables.ts';
import { databaseUrl, PostgresDatabase } from './predictionLog/postgres/PostgresDatabase.ts';

/** What src/cli/commands/log.ts and jobs.ts write. */
type Task = { readonly json: boolean } & (
  | { readonly action: 'log backup' | 'log restore'; readonly path: string; readonly file: string }
  | { readonly action: 'log downgrade'; readonly path: string; readonly to: number }
  /** `postgresUrl`: the address of the configuration. */
  | { readonly action: 'log downgrade postgres'; readonly postgresUrl: string | null; readonly to: number }
  | { readonly action: 'jobs downgrade'; readonly dir: string; readonly to: number }
);

/** What became of it, for machines and in a sentence. */
type Report = Readonly<Record<string, string | number | null>> & { readonly sentence: string };

async function run(task: Task): Promise<Report> {
  switch (task.action) {
    case 'log backup': {
      const copy = await backUp(task.path, logTables, task.file);
      return { ...copy, sentence: `${copy.path}: ${copy.rows} rows, ${copy.bytes} bytes, format ${copy.format}` };
    }
    case 'log restore': {
      const copy = await restore(task.path, logTables, task.file);
      const kept = copy.before === null ? '' : ` What was there is ${copy.before}.`;
      return { ...copy, sentence: `${copy.path}: ${copy.rows} rows of ${task.file}.${kept}` };
    }
    case 'log downgrade': {
      const copy = await takeBack(task.path, logTables, task.to);
      return { ...copy, sentence: `${copy.path} is of format ${copy.format}, with ${copy.rows} rows. ${next}` };
    }
    case 'log downgrade postgres': {
      const url = databaseUrl(task.postgresUrl);
      if (url === null) throw new AutobirdError('no_log', 'Set DATABASE_URL, or service.log.postgres.url');
      await PostgresDatabase.takeBack(url, task.to);
      return { format: task.to, sentence: `The tables in PostgreSQL are of format ${task.to}. ${next}` };
    }
    case 'jobs downgrade': {
      const copy = await takeBack(join(task.dir, jobsFile), jobTables, task.to);
      return { ...copy, sentence: `${copy.path} is of format ${copy.format}, with ${copy.rows} jobs. ${next}` };
    }
  }
}

const next = 'Start the older autobird.';

try {
  const task = JSON.parse(process.argv[2] as string) as Task;
  const { sentence, ...facts } = await run(task);
  process.stdout.write(`${task.json ? JSON.stringify(facts) : sentence}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof AutobirdError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
