/**
 * The defaults list: which files make up a configuration, in which order. The tree of defaults is walked from its end to
 * its beginning, because a later `override` decides what an earlier group means (Hydra 1.3, `defaults_list.py`).
 */

import { suggestion } from '../suggest.ts';
import { ConfigError } from './ConfigError.ts';
import type { ConfigFile, ConfigFiles } from './files.ts';
import type { Override } from './grammar.ts';
import { isMapping, missing, type Node } from './node.ts';

/** A file and where its content goes. */
export interface Source {
  readonly path: string;
  readonly file: string;
  /** Dotted; '' for the root. */
  readonly package: string;
}

export interface DefaultsList {
  readonly sources: readonly Source[];
  /** What each group was set to. */
  readonly choices: ReadonlyMap<string, string | null>;
  readonly mistakes: readonly string[];
}

type Choice = string | null | readonly string[];

interface Entry {
  readonly kind: 'self' | 'config' | 'group';
  /** `config`: path of the file. `group`: path of the group. Without a leading slash. */
  readonly path: string;
  readonly value: Choice;
  readonly optional: boolean;
  readonly override: boolean;
}

const self: Entry = { kind: 'self', path: '', value: null, optional: false, override: false };

/** Overrides that choose an option of a group, as opposed to those that change a value. */
export function splitOverrides(
  overrides: readonly Override[],
  files: ConfigFiles,
): { groups: Override[]; values: Override[] } {
  const isGroup = ({ key, value }: Override): boolean => !isMapping(value) && files.isGroup(key);
  return { groups: overrides.filter(isGroup), values: overrides.filter((override) => !isGroup(override)) };
}

/** `mistakes` has every group that is not there, has no such choice or is not used. Throws ConfigError for a file that cannot be read. */
export function buildDefaultsList(files: ConfigFiles, primary: string, overrides: readonly Override[]): DefaultsList {
  return new Builder(files).build(primary, overrides);
}

class Builder {
  readonly #files: ConfigFiles;
  readonly #mistakes: string[] = [];
  /** What a group is set to, from outside or by an `override` entry, and whether some entry was it. */
  readonly #set = new Map<string, { value: Choice; used: boolean; where: string; external: boolean }>();
  readonly #deleted = new Map<string, { value: string | undefined; used: boolean; text: string }>();
  readonly #choices = new Map<string, string | null>();

  constructor(files: ConfigFiles) {
    this.#files = files;
  }

  build(primary: string, overrides: readonly Override[]): DefaultsList {
    const appended = overrides.flatMap((override) => this.#take(override));
    const file = this.#files.load(primary);
    if (file === undefined) {
      throw new ConfigError([`No ${primary}.yaml in ${this.#files.folders.join(', ')}`]);
    }
    const sources = this.#expand(file, '', appended);
    for (const [group, { used, where, external }] of this.#set) {
      if (used) continue;
      const inList = this.#choices.size > 0 ? suggestion(group, [...this.#choices.keys()]) : '';
      this.#mistakes.push(
        `${where}: ${group} is not in the defaults list (${inList}${external ? ` To append it: +${where}` : ''})`,
      );
    }
    for (const { used, text } of this.#deleted.values()) {
      if (!used) this.#mistakes.push(`${text}: no such choice in the defaults list`);
    }
    return { sources, choices: this.#choices, mistakes: this.#mistakes };
  }

  /** Notes an override of a group from outside; gives the entries that it appends. */
  #take({ kind, key, package: target, value, text }: Override): Entry[] {
    if (target !== undefined) {
      this.#mistakes.push(`${text}: a group is placed by its own package here, write ${key}=…`);
    } else if (kind === 'force_add') {
      this.#mistakes.push(
        `${text}: ++ is for values; a group is set by ${text.slice(2)} or appended by ${text.slice(1)}`,
      );
    } else if (kind === 'delete') {
      if (value !== undefined && typeof value !== 'string')
        this.#mistakes.push(`${text}: expected the name of a choice`);
      else this.#deleted.set(key, { value, used: false, text });
    } else if (!isChoice(value) || value === null || String(value).includes('${')) {
      const choices = this.#files.choices(key).join(', ');
      this.#mistakes.push(`${text}: ${key} is a group: expected one of ${choices}`);
    } else if (kind === 'add') {
      return [{ kind: 'group', path: key, value, optional: false, override: false }];
    } else {
      this.#set.set(key, { value, used: false, where: text, external: true });
    }
    return [];
  }

  /** The sources of a file and all that its defaults list names, in the order in which they are merged. */
  #expand(file: ConfigFile, group: string, appended: readonly Entry[] = []): Source[] {
    const source: Source = { path: file.path, file: file.file, package: packageOf(file, group) };
    let entries = (file.defaults ?? []).flatMap((item) => this.#parse(item, file, group));
    if (entries.filter(({ kind }) => kind === 'self').length > 1) this.#mistakes.push(`${file.file}: _self_ twice`);
    if (!entries.some(({ kind }) => kind === 'self')) entries.push(self);
    entries = this.#append(entries, appended);
    this.#takeOverrides(entries, file);

    const result: Source[][] = [];
    for (const entry of entries.toReversed()) {
      if (entry.kind === 'self') result.push([source]);
      else if (!entry.override) result.push(this.#visit(entry, file));
    }
    return result.toReversed().flat();
  }

  /** `+group=choice`. A group that is in the list with null is filled, which Hydra refuses and every user means. */
  #append(entries: Entry[], appended: readonly Entry[]): Entry[] {
    let result = entries;
    for (const entry of appended) {
      const present = result.find(({ kind, path, override }) => kind === 'group' && path === entry.path && !override);
      if (present === undefined) result = [...result, entry];
      else if (present.value === null) result = result.map((other) => (other === present ? entry : other));
      else
        this.#mistakes.push(
          `+${entry.path}=${String(entry.value)}: ${entry.path} is in the defaults list already, write ${entry.path}=${String(entry.value)}`,
        );
    }
    return result;
  }

  #takeOverrides(entries: readonly Entry[], file: ConfigFile): void {
    let last: Entry | undefined;
    for (const entry of entries) {
      if (entry.override) {
        last = entry;
        // What was set before (outside, or by a file that comes later in the list) wins.
        if (!this.#set.has(entry.path)) {
          const where = `${file.file}: override ${entry.path}`;
          this.#set.set(entry.path, { value: entry.value, used: false, where, external: false });
        }
      } else if (last !== undefined && entry.kind !== 'self') {
        this.#mistakes.push(`${file.file}: overrides must be at the end of the defaults list, after ${entry.path}`);
      }
    }
  }

  #visit(entry: Entry, parent: ConfigFile): Source[] {
    if (entry.kind === 'config') return this.#load(entry.path, entry, parent);
    const setting = this.#set.get(entry.path);
    if (setting !== undefined) setting.used = true;
    const value = setting === undefined ? entry.value : setting.value;
    const deletion = this.#deleted.get(entry.path);
    if (deletion !== undefined && (deletion.value === undefined || deletion.value === value)) {
      deletion.used = true;
      return [];
    }
    const names = typeof value === 'string' || value === null ? [value] : value;
    const known = names.join(',') || null;
    if (this.#choices.has(entry.path)) {
      const before = this.#choices.get(entry.path);
      this.#mistakes.push(
        `${parent.file}: ${entry.path} is in the defaults list twice (${before} and ${known}): write "override ${entry.path}: …"`,
      );
      return [];
    }
    this.#choices.set(entry.path, known);
    const sources = names.flatMap((name) => {
      if (name === null) return [];
      if (name !== missing) return this.#load(`${entry.path}/${name}`, entry, parent, setting?.where);
      this.#mistakes.push(
        `${entry.path}: must be chosen, e.g. ${entry.path}=${this.#files.choices(entry.path)[0] ?? 'NAME'}`,
      );
      return [];
    });
    // In the place of a choice that is not there stands the one before it, so that the values can be judged all the same.
    const isLost = setting !== undefined && sources.length === 0 && names.some((name) => name !== null);
    return isLost && typeof entry.value === 'string' && entry.value !== missing
      ? this.#load(`${entry.path}/${entry.value}`, entry, parent)
      : sources;
  }

  #load(path: string, entry: Entry, parent: ConfigFile, where: string = parent.file): Source[] {
    const file = this.#files.load(path);
    if (file !== undefined) return this.#expand(file, path.split('/').slice(0, -1).join('/'));
    if (entry.optional) return [];
    const group = entry.kind === 'group' ? entry.path : path.split('/').slice(0, -1).join('/');
    const name = path.slice(group === '' ? 0 : group.length + 1);
    const choices = this.#files.choices(group);
    const place = group === '' ? 'the configuration folder' : group;
    this.#mistakes.push(`${where}: no ${name} in ${place} (${suggestion(name, choices)})`);
    return [];
  }

  #parse(item: Node, file: ConfigFile, group: string): Entry[] {
    if (item === '_self_') return [self];
    if (typeof item === 'string') {
      return [{ kind: 'config', path: absolute(item, group), value: null, optional: false, override: false }];
    }
    const [pair, ...more] = isMapping(item) ? [...item] : [];
    if (pair === undefined || more.length > 0) {
      this.#mistakes.push(`${file.file}: an item of the defaults list is a name or "group: choice"`);
      return [];
    }
    const [key, value] = pair;
    const words = key.split(/\s+/);
    const name = words.pop() as string;
    const wrong = words.find((word) => word !== 'optional' && word !== 'override');
    if (wrong !== undefined || name.includes('@') || !isChoice(value) || String(value).includes('${')) {
      this.#mistakes.push(
        `${file.file}: expected "[optional] [override] group: choice" in the defaults list but received "${key}: ${String(value)}"`,
      );
      return [];
    }
    const optional = words.includes('optional');
    return [{ kind: 'group', path: absolute(name, group), value, optional, override: words.includes('override') }];
  }
}

function isChoice(value: Node | undefined): value is string | null | string[] {
  return (
    typeof value === 'string' ||
    value === null ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  );
}

function absolute(name: string, group: string): string {
  if (name.startsWith('/')) return name.slice(1);
  return group === '' ? name : `${group}/${name}`;
}

function packageOf(file: ConfigFile, group: string): string {
  const byGroup = group.replaceAll('/', '.');
  if (file.packageHeader === undefined || file.packageHeader === '_group_') return byGroup;
  return file.packageHeader === '_global_' ? '' : file.packageHeader;
}
