/**
 * The one mapper between the two spellings (TypeScript camelCase; YAML, JSON, CSV and HTTP snake_case), derived from the
 * zod schemas: configuration, manifests and checkpoints all pass here.
 */
import type { z } from 'zod';
import { FormatError, InvalidArgumentError } from '../../bindings/errors.ts';
import { check, formatIssue, formatPath } from './issues.ts';
import { rename } from './walk.ts';

const shownIssues = 50;

/**
 * The snake_case JSON value of a TypeScript value; keys that are `undefined` are left out.
 * Throws InvalidArgumentError for a key that a strict schema does not have.
 */
export function encode<T>(schema: z.ZodType<T>, value: T): unknown {
  return rename(schema, value, 'encode', ({ path, key }) => {
    throw new InvalidArgumentError(`Expected only keys of the schema but received ${formatPath([...path, key])}`);
  });
}

/**
 * The TypeScript value of snake_case JSON, validated. `what` names it in the message (a file name, usually).
 * Throws FormatError (`invalid_content`) that lists every mistake with its snake_case path.
 *
 * ```ts
 * const manifest = decode(datasetManifestSchema, await readJson(path), path);
 * ```
 */
export function decode<T>(schema: z.ZodType<T>, json: unknown, what = 'The value'): T {
  const checked = check(schema, json);
  if ('value' in checked) return checked.value;
  const { issues } = checked;
  const lines = issues.slice(0, shownIssues).map((issue) => `  ${formatIssue(issue)}`);
  if (issues.length > shownIssues) lines.push(`  and ${issues.length - shownIssues} more`);
  const count = issues.length === 1 ? '1 mistake' : `${issues.length} mistakes`;
  throw new FormatError('invalid_content', `${what} has ${count}:\n${lines.join('\n')}`);
}
