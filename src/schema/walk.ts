/**
 * Renames the keys of a value along a zod schema, so that one schema describes both spellings: camelCase in TypeScript,
 * snake_case in files. Only keys of objects change; keys of records are data (labels, column names) and stay.
 */
import type { z } from 'zod';
import { snakeCase } from './names.ts';

export type Schema = z.core.$ZodType;
export type Path = readonly (string | number)[];
export type Direction = 'encode' | 'decode';

/** A key that the schema does not have, at the path of its object. */
export interface UnknownKey {
  readonly path: Path;
  readonly key: string;
  /** What could have stood there, spelled as in the file. */
  readonly known: readonly string[];
}

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly catchall?: Schema;
  readonly element?: Schema;
  readonly items?: readonly Schema[];
  readonly valueType?: Schema;
  readonly innerType?: Schema;
  readonly options?: readonly Schema[];
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
}

/** zod's classes hide the union of all definitions; this is the part of it that renaming needs. */
export function definition(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schema below `nullable`, `optional` and `default`. */
export function unwrap(schema: Schema): Schema {
  const def = definition(schema);
  const isWrapper = ['nullable', 'optional', 'default'].includes(def.type);
  return isWrapper && def.innerType !== undefined ? unwrap(def.innerType) : schema;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The same value with the other spelling; keys that no object schema has are given to `onUnknown` and left out. */
export function rename(
  schema: Schema,
  value: unknown,
  direction: Direction,
  onUnknown: (unknown: UnknownKey) => void,
  path: Path = [],
): unknown {
  const inner = unwrap(schema);
  const def = definition(inner);
  if (def.type === 'array' && Array.isArray(value)) {
    const element = def.element as Schema;
    return value.map((item, index) => rename(element, item, direction, onUnknown, [...path, index]));
  }
  if (def.type === 'tuple' && Array.isArray(value)) {
    return value.map((item, index) => {
      const element = def.items?.[index];
      return element ? rename(element, item, direction, onUnknown, [...path, index]) : item;
    });
  }
  if (def.type === 'union') {
    const option = chooseOption(def, value, direction);
    return option === undefined ? value : rename(option, value, direction, onUnknown, path);
  }
  if (!isPlainObject(value)) return value;
  if (def.type === 'record') {
    const element = def.valueType as Schema;
    return fromEntries(
      Object.entries(value).map(([key, item]) => [key, rename(element, item, direction, onUnknown, [...path, key])]),
    );
  }
  return def.type === 'object' ? renameObject(def, value, direction, onUnknown, path) : value;
}

function renameObject(
  def: Definition,
  value: Record<string, unknown>,
  direction: Direction,
  onUnknown: (unknown: UnknownKey) => void,
  path: Path,
): Record<string, unknown> {
  const shape = def.shape ?? {};
  const names = new Map(
    Object.keys(shape).map((key) => (direction === 'encode' ? [key, snakeCase(key)] : [snakeCase(key), key])),
  );
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const name = names.get(key);
    if (name !== undefined) {
      const field = shape[direction === 'encode' ? key : name] as Schema;
      if (item === undefined) continue;
      // Paths are those of the file, whichever way the value goes.
      entries.push([name, rename(field, item, direction, onUnknown, [...path, snakeCase(name)])]);
    } else if (def.catchall !== undefined && definition(def.catchall).type === 'never') {
      onUnknown({ path, key, known: Object.keys(shape).map(snakeCase) });
    } else if (def.catchall !== undefined) {
      entries.push([key, item]);
    }
  }
  return fromEntries(entries);
}

/** `__proto__` from a file becomes an own property, never the prototype. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** The option of a union that a value means: by its discriminator, else the first that accepts it, else the first of its kind. */
function chooseOption(def: Definition, value: unknown, direction: Direction): Schema | undefined {
  const options = def.options ?? [];
  if (def.discriminator !== undefined) {
    const key = direction === 'encode' ? def.discriminator : snakeCase(def.discriminator);
    const tag = isPlainObject(value) ? value[key] : undefined;
    return options.find((option) => {
      const field = definition(unwrap(option)).shape?.[def.discriminator as string];
      return field !== undefined && literalValues(field).includes(tag);
    });
  }
  const accepting = options.find((option) => {
    if (direction === 'encode') return accepts(option, value);
    let known = true;
    const candidate = rename(option, value, direction, () => {
      known = false;
    });
    return known && accepts(option, candidate);
  });
  return accepting ?? options.find((option) => definition(unwrap(option)).type === kindOf(value));
}

function literalValues(schema: Schema): readonly unknown[] {
  return definition(unwrap(schema)).values ?? [];
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : isPlainObject(value) ? 'object' : typeof value;
}

function accepts(schema: Schema, value: unknown): boolean {
  return (schema as z.ZodType).safeParse(value).success;
}

/** A path of zod's (camelCase) as it stands in the file. */
export function snakePath(schema: Schema, path: readonly PropertyKey[]): Path {
  const result: (string | number)[] = [];
  let current: readonly Schema[] = [schema];
  for (const key of path) {
    const objects = current.flatMap(alternatives);
    const field = objects.find((candidate) => definition(candidate).shape?.[String(key)] !== undefined);
    result.push(typeof key === 'number' ? key : field === undefined ? String(key) : snakeCase(String(key)));
    current = objects.flatMap((candidate) => child(candidate, key));
  }
  return result;
}

function alternatives(schema: Schema): Schema[] {
  const inner = unwrap(schema);
  const def = definition(inner);
  return def.type === 'union' ? (def.options ?? []).flatMap(alternatives) : [inner];
}

function child(schema: Schema, key: PropertyKey): Schema[] {
  const def = definition(schema);
  const next =
    def.shape?.[String(key)] ??
    def.element ??
    def.valueType ??
    (typeof key === 'number' ? def.items?.[key] : undefined);
  return next ? [next] : [];
}
