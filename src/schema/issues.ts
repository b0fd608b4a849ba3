/** What is wrong with a value, in words: one line a mistake, with the path as it is spelled in the file. */
import type { z } from 'zod';
import { nearest } from '../suggest.ts';
import { type Path, rename, snakePath } from './walk.ts';

export interface Issue {
  readonly path: Path;
  /** `expected a number above 0 but received -1`, without the path. */
  readonly message: string;
  /** For an unknown key (the last part of `path`): the names that its object knows. */
  readonly known?: readonly string[];
}

export type Checked<T> = { readonly value: T } | { readonly issues: readonly Issue[] };

/** Reads a snake_case value by a camelCase schema; gives the value or every mistake in it. */
export function check<T>(schema: z.ZodType<T>, json: unknown): Checked<T> {
  const issues: Issue[] = [];
  const value = rename(schema, json, 'decode', ({ path, key, known }) => {
    issues.push({ path: [...path, key], message: 'unknown key', known });
  });
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      issues.push({ path: snakePath(schema, issue.path), message: describe(issue, at(value, issue.path)) });
    }
  }
  return parsed.success && issues.length === 0 ? { value: parsed.data } : { issues };
}

/** `scheduler.step_size: expected …`, a path of array indices as `rows[3].label`. */
export function formatIssue(issue: Issue): string {
  const path = formatPath(issue.path);
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

export function formatPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}

function describe(issue: z.core.$ZodIssue, received: unknown): string {
  if (received === undefined) return `missing: expected ${expectation(issue)}`;
  return `expected ${expectation(issue)} but received ${show(received)}${nearestValue(issue, received)}`;
}

const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'null',
};

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return kinds[issue.expected] ?? issue.expected;
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    case 'invalid_value':
      return oneOf(issue.values.map(show));
    case 'invalid_union': {
      const options = (issue as { readonly options?: readonly unknown[] }).options;
      if (options !== undefined && options.length > 0) return oneOf(options.map(show));
      return oneOf([...new Set(issue.errors.flatMap((option) => option.map(expectation)))]);
    }
    // Messages of our own checks are noun phrases: "a power of two".
    default:
      return issue.message;
  }
}

/** ` (did you mean "bf16"?)`, for text in the place of one of several words. */
function nearestValue(issue: z.core.$ZodIssue, received: unknown): string {
  if (issue.code !== 'invalid_value' || typeof received !== 'string') return '';
  // `torch.optim.SGD` is not nearly `torch.optim.Adam`: what stands before the last dot does not count.
  const word = (text: string) => text.slice(text.lastIndexOf('.') + 1);
  const words = issue.values.filter((value) => typeof value === 'string');
  const [near] = nearest(word(received), words.map(word));
  const value = words.find((candidate) => word(candidate) === near);
  return value === undefined ? '' : ` (did you mean ${show(value)}?)`;
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  if (origin === 'array') return `a list of ${relation} ${limit} items`;
  if (origin === 'string') return `text of ${relation} ${limit} characters`;
  return `${origin === 'int' ? 'a whole number' : 'a number'} of ${relation} ${limit}`.replace(
    / of (above|below)/,
    ' $1',
  );
}

function oneOf(options: readonly string[]): string {
  return options.length > 1 ? `one of ${options.join(', ')}` : (options[0] ?? 'nothing');
}

/** A value on a line: JSON, shortened. */
function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
