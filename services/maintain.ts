/** `autobird log` and `autobird jobs` in a process of its own, as `autobird serve` is: what it is told is one word of JSON. */
import { join } from 'node:path';
import { AutobirdError } from '../src/index.ts';
import { backUp, restore, takeBack } from './database/copies.ts';
import { jobsFile, jobTables } from './jobs/jobTables.ts';
import { logTables } from './predictionLog/logTables.ts';
import { databaseUrl, PostgresDatabase } from './predictionLog/postgres/PostgresDatabase.ts';

/** What src/cli/commands/log.ts and jobs.ts tell. */
type Told = { readonly json: boolean } & (
  | { readonly action: 'log backup' | 'log restore'; readonly path: string; readonly file: string }
  | { readonly action: 'log downgrade'; readonly path: string; readonly to: number }
  /** `postgresUrl`: the address of the configuration. */
  | { readonly action: 'log downgrade postgres'; readonly postgresUrl: string | null; readonly to: number }
  | { readonly action: 'jobs downgrade'; readonly dir: string; readonly to: number }
);

/** What became of it, for machines and in a sentence. */
type Said = Readonly<Record<string, string | number | null>> & { readonly said: string };

async function run(told: Told): Promise<Said> {
  switch (told.action) {
    case 'log backup': {
      const copy = await backUp(told.path, logTables, told.file);
      return { ...copy, said: `${copy.path}: ${copy.rows} rows, ${copy.bytes} bytes, format ${copy.format}` };
    }
    case 'log restore': {
      const copy = await restore(told.path, logTables, told.file);
      const kept = copy.before === null ? '' : ` What was there is ${copy.before}.`;
      return { ...copy, said: `${copy.path}: ${copy.rows} rows of ${told.file}.${kept}` };
    }
    case 'log downgrade': {
      const copy = await takeBack(told.path, logTables, told.to);
      return { ...copy, said: `${copy.path} is of format ${copy.format}, with ${copy.rows} rows. ${next}` };
    }
    case 'log downgrade postgres': {
      const url = databaseUrl(told.postgresUrl);
      if (url === null) throw new AutobirdError('no_log', 'Set DATABASE_URL, or service.log.postgres.url');
      await PostgresDatabase.takeBack(url, told.to);
      return { format: told.to, said: `The tables in PostgreSQL are of format ${told.to}. ${next}` };
    }
    case 'jobs downgrade': {
      const copy = await takeBack(join(told.dir, jobsFile), jobTables, told.to);
      return { ...copy, said: `${copy.path} is of format ${copy.format}, with ${copy.rows} jobs. ${next}` };
    }
  }
}

const next = 'Start the older autobird.';

try {
  const told = JSON.parse(process.argv[2] as string) as Told;
  const { said, ...facts } = await run(told);
  process.stdout.write(`${told.json ? JSON.stringify(facts) : said}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof AutobirdError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
