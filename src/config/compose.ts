/** `composeConfig`: defaults list → merge → overrides → interpolation → validation. */
import { join } from 'node:path';
import { z } from 'zod';
import { packageRoot } from '../packageRoot.ts';
import { camelCase } from '../schema/names.ts';
import { isPlainObject, rename } from '../schema/walk.ts';
import { nearest, suggestion } from '../suggest.ts';
import { ConfigError } from './ConfigError.ts';
import { type ComposedTree, composeTree, type UnknownKey } from './composeTree.ts';
import type { Source } from './defaults.ts';
import { interpolate } from './interpolate.ts';
import { mergeInto } from './merge.ts';
import { childOf, isMapping, type Mapping, type Node, type Plain, toNode, toPlain } from './node.ts';
import { calledHere } from './otherNames.ts';
import { type Config, configSchema, type Groups, groupsSchema } from './schema.ts';
import { knownKeys, validate } from './validate.ts';

export type GroupName = keyof Groups;

/** What {@link composeConfig} composes, and from where. */
export interface ComposeOptions<Group extends GroupName = keyof Config> {
  /** Folders searched before autobird's own `configs/`, the first one first; none by default. */
  readonly configDir?: string | readonly string[] | undefined;
  /** Groups that are needed; the others are not looked at, so that values may be missing there (`data.raw_dir`). All but `service` by default. */
  readonly groups?: readonly Group[];
  /** Values over all others, by group, in camelCase; `ConfigSource.config` is the way to give them. */
  readonly values?: Readonly<Record<string, unknown>>;
}

/** A configuration with where its values come from. */
export interface ComposedConfig<Group extends GroupName = keyof Config> {
  readonly config: Pick<Groups, Group>;
  /** The same values as the files spell them. */
  readonly resolved: Readonly<Record<string, Plain>>;
  /** Everything as composed, before interpolation: what `autobird config show` prints. */
  readonly tree: Mapping;
  readonly overrides: readonly string[];
  /** The choice of each group, null for none. */
  readonly choices: Readonly<Record<string, string | null>>;
  /** The files, in the order in which they were merged. */
  readonly sources: readonly Source[];
}

/** autobird's own configuration folder. */
export function builtInConfigDir(): string {
  return join(packageRoot(), 'configs');
}

/**
 * Composes the configuration as Hydra does.
 * Throws ConfigError (code `config`) with every mistake in overrides, groups and values at once.
 *
 * ```ts
 * const { config } = composeConfig(['experiment=reference', 'data.raw_dir=birds', 'training.epochs=10']);
 * ```
 */
export function composeConfig<Group extends GroupName = keyof Config>(
  overrides: readonly string[],
  options: ComposeOptions<Group> = {},
): ComposedConfig<Group> {
  const composed = composeTree([options.configDir ?? [], builtInConfigDir()].flat(), overrides);
  const { tree, choices, sources } = composed;
  const needed = options.groups ?? (Object.keys(configSchema.shape) as Group[]);
  const misnamed = mergeValues(tree, options.values ?? {});
  const { node, failures } = interpolate(tree);
  const plain = toPlain(node) as Record<string, Plain>;
  const resolved = Object.fromEntries(
    Object.entries(plain).filter(([key]) => !(key in groupsSchema.shape) || needed.includes(key as Group)),
  );
  // Without a choice that was meant, a key that some choice has may be right, and only values that were given can be judged.
  const isComplete = composed.mistakes.length === 0;
  const unknown = isComplete
    ? composed.unknownKeys.map((key) => explainUnknownKey(key, composed))
    : misspelled(composed);
  const keys = [...composed.values.map(({ key }) => key), ...Object.keys(options.values ?? {})];
  const given = (path: string) => keys.some((key) => `${path}.`.startsWith(`${key}.`));
  const checked = validate(schemaOf(needed), resolved, failures, isComplete ? undefined : given);
  const wrong = 'mistakes' in checked ? checked.mistakes : [];
  const mistakes = [...composed.mistakes, ...composed.refused, ...unknown, ...misnamed, ...wrong];
  if (!('value' in checked) || mistakes.length > 0) throw new ConfigError(mistakes);
  return { config: checked.value, resolved, tree, overrides, choices: Object.fromEntries(choices), sources };
}

/** Merges values into the tree; gives a line for each name that is not known. */
function mergeValues(tree: Mapping, values: Readonly<Record<string, unknown>>): string[] {
  const mistakes: string[] = [];
  for (const [group, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const present = tree.get(group);
    const kind = isMapping(present) ? present.get('_target_') : undefined;
    const isOther = isPlainObject(value) && value['_target_'] !== undefined && value['_target_'] !== kind;
    const choice = isPlainObject(value) && kind !== undefined ? { _target_: kind, ...value } : value;
    const plain = rename(groupsSchema, { [group]: choice }, 'encode', ({ path, key, known }) => {
      const names = known.map(camelCase);
      const place = [...path.map((part) => camelCase(String(part))), key].join('.');
      mistakes.push(`${place}: unknown key (${suggestion(key, names)})`);
    });
    const node = toNode(plain as Plain) as Mapping;
    // Another `_target_` has other keys: those of the choice before must go.
    if (isOther) tree.delete(group);
    mergeInto(tree, node);
  }
  return mistakes;
}

function schemaOf<Group extends GroupName>(groups: readonly Group[]): z.ZodType<Pick<Groups, Group>> {
  const shape = Object.fromEntries(groups.map((group) => [group, groupsSchema.shape[group]]));
  return z.strictObject(shape) as unknown as z.ZodType<Pick<Groups, Group>>;
}

/** Overrides of keys that no choice of any group could have. */
function misspelled(composed: ComposedTree): string[] {
  return composed.values.flatMap((override) => {
    const path = override.key.split('.');
    const depth = path.findIndex((name, index) => {
      const known = knownKeys(groupsSchema, path.slice(0, index));
      return known.length > 0 && !known.includes(name);
    });
    return depth < 0 ? [] : [explainUnknownKey({ override, path: path.slice(0, depth + 1) }, composed)];
  });
}

function explainUnknownKey({ override, path }: UnknownKey, { files, tree, choices }: ComposedTree): string {
  const { text, key, value } = override;
  const name = path.at(-1) as string;
  const known = knownKeys(groupsSchema, path.slice(0, -1));
  if (known.includes(name)) {
    const [group = '', ...inGroup] = path;
    const owners = files.choices(group).filter((choice) => has(files.load(`${group}/${choice}`)?.content, inGroup));
    const [owner] = owners;
    if (owner !== undefined && choices.get(group) !== undefined) {
      return `${text}: ${group}=${choices.get(group)} has no ${inGroup.join('.')}: ${group}=${owner} has it`;
    }
    const parent = path.slice(0, -1).reduce<Node | undefined>(childOf, tree);
    const present = isMapping(parent) ? ` (there are ${[...parent.keys()].join(', ')})` : '';
    return `${text}: there is no ${path.join('.')} here${present}. To append to your config use +${text}`;
  }
  const names = path.length === 1 ? [...new Set([...known, ...files.groups()])] : known;
  const [near] = nearest(name, names);
  const isChoice = key === name && typeof value === 'string' && near !== undefined && files.isGroup(near);
  const here = calledHere(key.split('.')) ?? calledHere(path);
  const hint = isChoice ? choiceHint(near, value, files.choices(near)) : suggestion(name, names);
  return `${text}: unknown key ${path.join('.')} (${here === undefined ? hint : `here it is ${here}`})`;
}

function choiceHint(group: string, value: string, choices: readonly string[]): string {
  const near = choices.includes(value) ? [value] : nearest(value, choices);
  const meant = (near.length > 0 ? near : choices).map((choice) => `${group}=${choice}`);
  return `did you mean ${meant.join(' or ')}?`;
}

function has(content: Node | undefined, path: readonly string[]): boolean {
  return path.reduce<Node | undefined>(childOf, content) !== undefined;
}
