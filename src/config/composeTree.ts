/** The part of composition that needs no schema: overrides, defaults list, merge. */
import { ConfigError } from './ConfigError.ts';
import { buildDefaultsList, type Source, splitOverrides } from './defaults.ts';
import { ConfigFiles } from './files.ts';
import { type Override, parseOverride } from './grammar.ts';
import { applyOverride, mergeAt, UnknownKeyError } from './merge.ts';
import type { Mapping } from './node.ts';

/** A plain `key=value` whose key is not in the tree. */
export interface UnknownKey {
  readonly override: Override;
  readonly path: readonly string[];
}

export interface ComposedTree {
  readonly files: ConfigFiles;
  /** Before interpolation. */
  readonly tree: Mapping;
  readonly choices: ReadonlyMap<string, string | null>;
  readonly sources: readonly Source[];
  /** Overrides that cannot be parsed, and what is wrong with groups: with any of them the tree is not all that was meant. */
  readonly mistakes: readonly string[];
  /** What is wrong with overrides of values, beside unknown keys. */
  readonly refused: readonly string[];
  readonly unknownKeys: readonly UnknownKey[];
  /** The overrides of values, as far as they could be parsed. */
  readonly values: readonly Override[];
}

/** Throws ConfigError only for files that cannot be read; all other mistakes are in the result, so that they can be shown together. */
export function composeTree(folders: readonly string[], overrides: readonly string[]): ComposedTree {
  const files = new ConfigFiles(folders);
  const parsed: Override[] = [];
  const unreadable = mistakesOf(overrides, (text) => parsed.push(parseOverride(text)));
  const { groups, values } = splitOverrides(parsed, files);
  const { sources, choices, mistakes } = buildDefaultsList(files, 'config', groups);

  const tree: Mapping = new Map();
  for (const { path, package: target } of sources) mergeAt(tree, target, files.load(path)?.content ?? new Map());
  const unknownKeys: UnknownKey[] = [];
  const refused = mistakesOf(values, (override) => {
    try {
      applyOverride(tree, override);
    } catch (error) {
      if (!(error instanceof UnknownKeyError)) throw error;
      unknownKeys.push({ override, path: error.path });
    }
  });
  return { files, tree, choices, sources, mistakes: [...unreadable, ...mistakes], refused, unknownKeys, values };
}

function mistakesOf<T>(items: readonly T[], visit: (item: T) => void): string[] {
  return items.flatMap((item) => {
    try {
      visit(item);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.mistakes;
      throw error;
    }
  });
}
