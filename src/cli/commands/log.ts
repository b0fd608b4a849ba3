import type { Command } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfServices } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { looksLikeOverride } from '../overrides.ts';
import { runService } from '../runService.ts';

interface LogArgs extends ConfigArgs {
  readonly action: 'backup' | 'restore' | 'downgrade';
  readonly words: readonly string[] | undefined;
  readonly to: number | undefined;
  readonly postgres: boolean;
}

export const log: Command<LogArgs> = {
  command: 'log <action> [words..]',
  describe: 'Back up the prediction log of a service, restore it, or take it back to an older version',
  positionals: {
    action: { choices: ['backup', 'restore', 'downgrade'], describe: 'What to do with it' },
    words: {
      type: 'string',
      array: true,
      describe: 'The backup, and overrides such as service.log.path=FILE',
    },
  },
  options: {
    to: { type: 'number', describe: 'Format that the older autobird knows; its message says which (downgrade)' },
    postgres: { type: 'boolean', default: false, describe: 'Of the tables in PostgreSQL instead (downgrade)' },
    'config-dir': configDirOption,
  },
  examples: [
    ['log backup predictions-monday.db', 'a copy of one instant, while the service writes'],
    ['log restore predictions-monday.db', 'in the place of the log, which stays beside it'],
    ['log downgrade --to 2', 'for an autobird that knows format 2'],
  ],
  epilogue: 'restore and downgrade need the services stopped. docs/prediction-log.md says more.',
  async run(args, io) {
    const overrides = (args.words ?? []).filter(looksLikeOverride);
    const files = (args.words ?? []).filter((word) => !looksLikeOverride(word));
    const { action, to, postgres } = args;
    const expected = action === 'downgrade' ? 0 : 1;
    if (files.length !== expected) {
      throw new UsageError(
        expected === 0
          ? `Expected no file but received ${files.join(', ')}: name the log as service.log.path=FILE`
          : `Expected one backup file for log ${action} but received ${files.length}`,
      );
    }
    if ((action === 'downgrade') !== (to !== undefined)) {
      throw new UsageError('Expected --to FORMAT with log downgrade, and with nothing else');
    }
    if (postgres && action !== 'downgrade') {
      throw new UsageError('Expected --postgres with log downgrade only: its own pg_dump backs it up');
    }
    const { path, postgres: database } = configOfServices(args, overrides).service.log;
    if (path === null) throw new UsageError('There is no prediction log: service.log.path is null');
    const told = postgres
      ? { action: 'log downgrade postgres', postgresUrl: database.url, to }
      : { action: `log ${action}`, path, file: files[0], to };
    return await runService(io, 'maintain', [JSON.stringify({ ...told, json: io.json })]);
  },
};
