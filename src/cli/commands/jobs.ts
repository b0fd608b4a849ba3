import type { Command } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfServices, overridesWord } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { runService } from '../runService.ts';

interface JobsArgs extends ConfigArgs {
  readonly overrides: readonly string[] | undefined;
  readonly to: number;
}

export const jobs: Command<JobsArgs> = {
  command: 'jobs <action> [overrides..]',
  describe: 'Take the jobs of a service back to an older version',
  positionals: {
    action: { choices: ['downgrade'], describe: 'What to do with them' },
    overrides: overridesWord,
  },
  options: {
    to: {
      type: 'number',
      demandOption: true,
      describe: 'Format that the older autobird knows; its message says which',
    },
    'config-dir': configDirOption,
  },
  examples: [['jobs downgrade --to 1', 'for an autobird that knows format 1']],
  epilogue: 'The services must be stopped. docs/serving.md says more.',
  async run(args, io) {
    const { dir } = configOfServices(args, args.overrides ?? []).service.jobs;
    if (dir === null) throw new UsageError('There is no folder of jobs: service.jobs.dir is null');
    const told = { action: 'jobs downgrade', dir, to: args.to, json: io.json };
    return await runService(io, 'maintain', [JSON.stringify(told)]);
  },
};
