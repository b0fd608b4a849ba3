/** Mappings merge, everything else replaces: files into the tree, then overrides into what the files made. */
import { ConfigError } from './ConfigError.ts';
import type { Override } from './grammar.ts';
import { childOf, clone, equal, isMapping, type Mapping, missing, type Node, toPlain } from './node.ts';

/** Merges `source` into `target` in place; its values are copied. A `???` leaves what is there. */
export function mergeInto(target: Mapping, source: Mapping): void {
  for (const [key, value] of source) {
    const present = target.get(key);
    if (isMapping(present) && isMapping(value)) mergeInto(present, value);
    else if (value !== missing || present === undefined) target.set(key, clone(value));
  }
}

/** Content of a file at its dotted package ('' for the root). */
export function mergeAt(root: Mapping, path: string, content: Mapping): void {
  let target = root;
  for (const key of path === '' ? [] : path.split('.')) {
    let child = target.get(key);
    if (!isMapping(child)) {
      child = new Map();
      target.set(key, child);
    }
    target = child;
  }
  mergeInto(target, content);
}

/** A change of a key that is not there; `path` is that key's. */
export class UnknownKeyError extends Error {
  readonly path: readonly string[];
  constructor(path: readonly string[]) {
    super(`no ${path.join('.')}`);
    this.path = path;
  }
}

/**
 * Changes one value. Throws UnknownKeyError where a plain `key=value` names what is not there (in a list or mapping that it
 * gives, too), ConfigError where `+` finds something or `~` nothing.
 */
export function applyOverride(root: Mapping, { kind, key, package: target, value, text }: Override): void {
  if (target !== undefined) throw new ConfigError([`${text}: ${key} is not a group`]);
  const path = key.split('.');
  const name = path.pop() as string;
  const present = select(root, [...path, name]);
  if (kind === 'delete' || value === undefined) {
    remove(root, path, name, value, text);
    return;
  }
  const isContainer = isMapping(value) || Array.isArray(value);
  if (kind === 'add' && present !== undefined && present !== null && present !== missing && !isContainer) {
    throw new ConfigError([`${text}: ${key} is there already; change it with ${text.slice(1)}`]);
  }
  const parent = parentOf(root, path, kind !== 'change');
  if (Array.isArray(parent)) {
    const index = Number(name);
    if (parent.at(index) === undefined || !/^-?\d+$/.test(name)) throw new UnknownKeyError([...path, name]);
    parent[index < 0 ? parent.length + index : index] = clone(value);
    return;
  }
  if (Array.isArray(parent.get(name)) && isMapping(value)) {
    throw new ConfigError([`${text}: ${key} is a list; a mapping cannot take its place`]);
  }
  if (kind === 'change') refuseNewKeys(parent.get(name), value, [...path, name]);
  if (isMapping(parent.get(name)) && isMapping(value)) mergeInto(parent.get(name) as Mapping, value);
  else parent.set(name, clone(value));
}

function select(root: Node, path: readonly string[]): Node | undefined {
  return path.reduce<Node | undefined>(childOf, root);
}

function parentOf(root: Mapping, path: readonly string[], create: boolean): Mapping | Node[] {
  let node: Mapping | Node[] = root;
  path.forEach((key, depth) => {
    const child = childOf(node, key);
    if (isMapping(child) || Array.isArray(child)) {
      node = child;
      return;
    }
    if (!create || !isMapping(node)) throw new UnknownKeyError(path.slice(0, depth + 1));
    const made: Mapping = new Map();
    node.set(key, made);
    node = made;
  });
  return node;
}

function refuseNewKeys(present: Node | undefined, value: Node, path: readonly string[]): void {
  if (present === undefined) throw new UnknownKeyError(path);
  if (!isMapping(present) || !isMapping(value)) return;
  for (const [key, item] of value) refuseNewKeys(present.get(key), item, [...path, key]);
}

function remove(root: Mapping, path: readonly string[], name: string, value: Node | undefined, text: string): void {
  const parent = select(root, path);
  const present = childOf(parent, name);
  const full = [...path, name].join('.');
  if (present === undefined) throw new ConfigError([`${text}: there is no ${full} to delete`]);
  if (value !== undefined && value !== null && !equal(present, value)) {
    throw new ConfigError([`${text}: ${full} is ${JSON.stringify(toPlain(present))}`]);
  }
  if (Array.isArray(parent))
    throw new ConfigError([`${text}: an item of a list cannot be deleted; give the whole list`]);
  (parent as Mapping).delete(name);
}
