/** `autobird log` in a process of its own, as `autobird serve` is: what it is told is one word of JSON. */
import { AutobirdError } from '../../src/index.ts';
import { backUpLog, downgradeLog, downgradePostgres, restoreLog } from './copies.ts';
import { databaseUrl } from './postgres/PostgresDatabase.ts';

/** What src/cli/commands/log.ts asks for. */
interface LogCommand {
  readonly action: 'backup' | 'restore' | 'downgrade';
  readonly path: string;
  readonly file: string;
  readonly to: number;
  /** The address of the configuration. */
  readonly postgresUrl: string | null;
  readonly postgres: boolean;
  readonly json: boolean;
}

/** What became of it, for machines and in a sentence. */
type Said = Readonly<Record<string, string | number | null>> & { readonly said: string };

async function run({ action, path, file, to, postgres, postgresUrl }: LogCommand): Promise<Said> {
  if (action === 'downgrade' && postgres) {
    const url = databaseUrl(postgresUrl);
    if (url === null) throw new AutobirdError('no_log', 'Set DATABASE_URL, or service.log.postgres.url');
    await downgradePostgres(url, to);
    return { format: to, said: `The tables in PostgreSQL are of format ${to}. Start the older autobird everywhere.` };
  }
  if (action === 'downgrade') {
    const copy = await downgradeLog(path, to);
    return { ...copy, said: `${path} is of format ${copy.format}, with ${copy.rows} rows. Start the older autobird.` };
  }
  if (action === 'backup') {
    const copy = await backUpLog(path, file);
    return { ...copy, said: `${copy.path}: ${copy.rows} rows, ${copy.bytes} bytes, format ${copy.format}` };
  }
  const copy = await restoreLog(path, file);
  const kept = copy.before === null ? '' : ` What was there is ${copy.before}.`;
  return { ...copy, said: `${copy.path}: ${copy.rows} rows of ${file}.${kept}` };
}

try {
  const command = JSON.parse(process.argv[2] as string) as LogCommand;
  const { said, ...facts } = await run(command);
  process.stdout.write(`${command.json ? JSON.stringify(facts) : said}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof AutobirdError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
