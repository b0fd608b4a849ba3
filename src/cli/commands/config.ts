import { composeConfig } from '../../config/compose.ts';
import { toPlain } from '../../config/node.ts';
import { groupsSchema } from '../../config/schema.ts';
import { dumpYaml } from '../../config/yaml.ts';
import { suggestion } from '../../suggest.ts';
import type { Command } from '../command.ts';
import { type ConfigArgs, configDirOption, configOfServices, overridesWord } from '../configuration.ts';
import { UsageError } from '../errors.ts';
import { looksLikeOverride } from '../overrides.ts';

interface ConfigCommandArgs extends ConfigArgs {
  readonly action: string;
  readonly overrides: readonly string[];
}

const actions = ['show', 'check'];

export const config: Command<ConfigCommandArgs> = {
  command: 'config [action] [overrides..]',
  describe: 'Show the configuration that a command would use, or check one',
  positionals: {
    overrides: overridesWord,
    action: { type: 'string', describe: `${actions.join(' or ')} [show]` },
  },
  options: {
    'config-dir': configDirOption,
  },
  examples: [
    ['config show model=reference', 'every value, as YAML'],
    ['config check optimizer.lr=fast', 'all mistakes at once'],
  ],
  async run(args, io) {
    const { action, overrides } = actionAndOverrides(args);
    configOfServices(args, overrides);
    if (action === 'check') {
      io.out(io.json ? '{"ok":true}\n' : 'The configuration is fine.\n');
      return undefined;
    }
    const configDir = args['config-dir'];
    const groups = Object.keys(groupsSchema.shape).filter((group) => group !== 'data') as never[];
    const { tree } = composeConfig(overrides, { groups, configDir });
    io.out(io.json ? `${JSON.stringify(toPlain(tree))}\n` : dumpYaml(tree));
    return undefined;
  },
};

/** `autobird config model=reference` shows it. */
function actionAndOverrides({ action = 'show', overrides }: ConfigCommandArgs) {
  if (actions.includes(action)) return { action, overrides };
  if (looksLikeOverride(action)) return { action: 'show', overrides: [action, ...overrides] };
  throw new UsageError(
    `Expected ${actions.join(', ')} or overrides key=value but received ${action} (${suggestion(action, actions)})`,
  );
}
