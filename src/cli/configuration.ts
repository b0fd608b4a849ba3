import { join } from 'node:path';
import type { Options, PositionalOptions } from 'yargs';
import { composeConfig } from '../config/compose.ts';
import { type Config, type Groups, groupsSchema } from '../config/schema.ts';
import { Dataset } from '../data/dataset.ts';
import { override } from './overrides.ts';

/** Options that every command with a configuration has. */
export interface ConfigArgs {
  readonly 'config-dir': string | undefined;
}

export const configDirOption: Options = {
  type: 'string',
  describe: "Folder of your own YAML files, looked at before autobird's",
};

/** `[overrides..]` of a command whose words are nothing else. */
export const overridesWord: PositionalOptions = {
  type: 'string',
  array: true,
  describe: 'Configuration: group=choice or group.key=value (autobird config show)',
};

/** The configuration of `overrides`; every value is needed, `data.raw_dir` too. */
export function configOf(args: ConfigArgs, overrides: readonly string[]): Config {
  const configDir = args['config-dir'];
  return composeConfig(overrides, configDir === undefined ? {} : { configDir }).config;
}

/** For commands that never look for recordings of a dataset: `data.raw_dir` may be missing. */
export function configWithoutRawDir(args: ConfigArgs, overrides: readonly string[]): Config {
  return configOf(args, withRawDir(overrides, '.'));
}

/** For commands that start or show a service: its settings too. */
export function configOfServices(args: ConfigArgs, overrides: readonly string[]): Groups {
  const configDir = args['config-dir'];
  const groups = Object.keys(groupsSchema.shape) as (keyof Groups)[];
  return composeConfig(withRawDir(overrides, '.'), { groups, configDir }).config;
}

/** For commands on a prepared dataset: it says itself where its recordings are, unless an override does. */
export async function configOfDataset(args: ConfigArgs, overrides: readonly string[]): Promise<Config> {
  const { data } = configWithoutRawDir(args, overrides);
  const dataset = await Dataset.open(join(data.root, data.name));
  return configOf(args, withRawDir(overrides, dataset.manifest.rawDir));
}

function withRawDir(overrides: readonly string[], rawDir: string): readonly string[] {
  const given = overrides.some((text) => /^(?:\+\+)?data\.raw_dir=/.test(text));
  return given ? overrides : [...overrides, override('data.raw_dir', rawDir)];
}
