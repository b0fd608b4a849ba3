/** From the composed tree to a typed configuration, or to the list of everything that is wrong with it. */
import type { z } from 'zod';
import { check, formatIssue, formatPath, type Issue } from '../schema/issues.ts';
import { snakeCase } from '../schema/names.ts';
import { definition, type Schema, unwrap } from '../schema/walk.ts';
import { suggestion } from '../suggest.ts';
import type { Failure } from './interpolate.ts';
import { missing, type Plain } from './node.ts';
import { calledHere } from './otherNames.ts';

/** Examples for values that only a user can give. */
const examples: Readonly<Record<string, string>> = { 'data.raw_dir': 'FOLDER' };

/** Checks snake_case values by a schema; gives the typed value or the mistakes as lines, of wrong values those that are `judged`. */
export function validate<T>(
  schema: z.ZodType<T>,
  plain: Plain,
  failures: readonly Failure[],
  judged: (path: string) => boolean = () => true,
): { readonly value: T } | { readonly mistakes: readonly string[] } {
  const failed = new Map(failures.map(({ path, message }) => [path.join('.'), message]));
  const absent: string[] = [];
  const checked = check(schema, withoutMissing(plain, [], absent));
  const issues = 'issues' in checked ? checked.issues : [];
  const explained = absent.map(
    (path) => `${path}: ${failed.get(path) ?? `must be given: ${path}=${examples[path] ?? 'VALUE'}`}`,
  );
  const rest = issues
    .filter((issue) => !absent.includes(dotted(issue)) && judged(dotted(issue)))
    .map((issue) => line(schema, issue));
  const mistakes = [...explained, ...rest];
  return 'value' in checked && absent.length === 0 ? { value: checked.value } : { mistakes };
}

function dotted(issue: Issue): string {
  return issue.path.join('.');
}

function line(schema: Schema, issue: Issue): string {
  if (issue.known === undefined) return formatIssue(issue);
  const name = String(issue.path.at(-1));
  const path = issue.path.map(String);
  const isOfAnother = knownKeys(schema, path.slice(0, -1)).includes(name);
  const here = isOfAnother ? undefined : calledHere(path);
  const hint = isOfAnother ? `known here are ${issue.known.join(', ')}` : suggestion(name, issue.known);
  return `${formatPath(issue.path)}: unknown key (${here === undefined ? hint : `here it is ${here}`})`;
}

/** A copy without values that are `???`, whose paths are noted. */
function withoutMissing(value: Plain, path: readonly string[], absent: string[]): Plain {
  if (Array.isArray(value)) {
    return value.map((item, index) => {
      if (item === missing) absent.push([...path, index].join('.'));
      return withoutMissing(item, [...path, String(index)], absent);
    });
  }
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, item]) => {
    if (item === missing) absent.push([...path, key].join('.'));
    return item !== missing;
  });
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutMissing(item, [...path, key], absent)]));
}

/** Names (snake_case) that may stand in the mapping at a dotted path; empty where none is known. */
export function knownKeys(schema: Schema, path: readonly string[]): string[] {
  const [first, ...rest] = path;
  const options = alternatives(schema).map((option) => definition(option).shape ?? {});
  if (first === undefined) return [...new Set(options.flatMap((shape) => Object.keys(shape).map(snakeCase)))];
  const fields = options.flatMap((shape) => Object.entries(shape).filter(([key]) => snakeCase(key) === first));
  return [...new Set(fields.flatMap(([, field]) => knownKeys(field, rest)))];
}

function alternatives(schema: Schema): Schema[] {
  const inner = unwrap(schema);
  const def = definition(inner);
  return def.type === 'union' ? (def.options ?? []).flatMap(alternatives) : [inner];
}
