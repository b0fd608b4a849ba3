/** A configuration as programs give it: a part of it, as objects. */
import { type ComposeOptions, composeConfig } from './compose.ts';
import { type Config, configSchema } from './schema.ts';

type PartOf<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: PartOf<T[Key]> }
    : T;

/**
 * Settings over the defaults of `configs/`, each group with the values that differ, in camelCase (`training: { gradClip: 0.5 }`),
 * or with the name of a choice (`model: 'reference'`). `experiment` chooses many at once.
 */
export type ConfigInput = { readonly [Group in keyof Config]?: PartOf<Config[Group]> | string } & {
  readonly experiment?: string;
};

/** Settings as a program gives them: objects, overrides, or both. */
export interface ConfigSource extends Pick<ComposeOptions, 'configDir'> {
  /** What differs from the defaults. A complete configuration, as `composeConfig` gives it, is taken as it is. */
  readonly config?: ConfigInput;
  /**
   * Hydra's overrides, for those who want them (`optimizer.lr=1e-3`); values in `config` win over them, all of
   * them where it is complete: what made it is then kept with the run.
   */
  readonly overrides?: readonly string[];
}

/**
 * The complete configuration of a part of one.
 *
 * @throws ConfigError with every mistake at once
 */
export function completeConfig({ config = {}, overrides = [], configDir }: ConfigSource): Config {
  const given = configSchema.safeParse(config);
  if (given.success) return given.data;
  const groups = Object.entries(config);
  const choices = groups.flatMap(([group, choice]) => (typeof choice === 'string' ? [`${group}=${choice}`] : []));
  const values = Object.fromEntries(groups.filter(([, value]) => typeof value !== 'string'));
  return composeConfig([...overrides, ...choices], { values, configDir }).config;
}
