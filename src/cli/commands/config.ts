import { composeConfig } from '../../config/compose.ts';
import { toPlain } from '../../config/node.ts';
import { groupsSchema } from '../../config/schema.ts';
import { dumpYaml } from '../../config/yaml.ts';
import type { Command } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfServices, overridesWord } from '../configuration.ts';

interface ConfigCommandArgs extends ConfigArgs {
  readonly action: 'show' | 'check';
  readonly overrides: readonly string[];
}

export const config: Command<ConfigCommandArgs> = {
  command: 'config <action> [overrides..]',
  describe: 'Show the configuration that a command would use, or check one',
  positionals: {
    overrides: overridesWord,
    action: { choices: ['show', 'check'] as const, demandOption: true },
  },
  options: {
    'config-dir': configDirOption,
  },
  examples: [
    ['config show model=reference', 'every value, as YAML'],
    ['config check optimizer.lr=fast', 'all mistakes at once'],
  ],
  async run(args, io) {
    configOfServices(args, args.overrides);
    if (args.action === 'check') {
      io.out(io.json ? '{"ok":true}\n' : 'The configuration is fine.\n');
      return undefined;
    }
    const configDir = args['config-dir'];
    const groups = Object.keys(groupsSchema.shape).filter((group) => group !== 'data') as never[];
    const { tree } = composeConfig(args.overrides, { groups, ...(configDir !== undefined && { configDir }) });
    io.out(io.json ? `${JSON.stringify(toPlain(tree))}\n` : dumpYaml(tree));
    return undefined;
  },
};
