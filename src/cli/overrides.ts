import { stat } from 'node:fs/promises';
import { quoteValue } from '../config/grammar.ts';
import { groupsSchema } from '../config/schema.ts';
import { UsageError } from './errors.ts';

/** `a.b=c`, `+a.b=c`, `~a.b`, `group@package=choice`: what composition understands, as opposed to the name of a file. */
export function looksLikeOverride(text: string): boolean {
  return /^(?:\+\+?)?[a-z_][\w.]*(?:\/[\w./]+)?(?:@[\w.]+)?=/i.test(text) || /^~[a-z_][\w.]*(?:=.*)?$/i.test(text);
}

/** `data.name=x` with the value quoted where the grammar of overrides needs it. */
export function override(key: string, value: string | number | boolean | null | readonly string[]): string {
  if (typeof value === 'string') return `${key}=${quoted(value)}`;
  if (Array.isArray(value)) return `${key}=[${value.map(quoted).join(',')}]`;
  return `${key}=${value}`;
}

// Anything that could be read as another type, a list, an interpolation or an operator is quoted.
function quoted(text: string): string {
  const plain = /^[A-Za-z_./][\w./-]*$/.test(text) && !/^(?:true|false|null|nan|inf)$/i.test(text);
  return plain ? text : quoteValue(text);
}

/** Overrides of friendly flags that were given; a flag that was not given leaves the configuration alone. */
export function flagOverrides(
  flags: Readonly<Record<string, string | number | boolean | null | readonly string[] | undefined>>,
): string[] {
  return Object.entries(flags).flatMap(([key, value]) => (value === undefined ? [] : [override(key, value)]));
}

/**
 * Tells the paths among a command's words from its overrides: what is there as a file or folder is a path, though it holds
 * `=`. `note` takes a sentence about an argument that could be either.
 */
export async function pathsAndOverrides(
  words: readonly string[],
  note: (line: string) => void,
): Promise<{ readonly paths: readonly string[]; readonly overrides: readonly string[] }> {
  const paths: string[] = [];
  const overrides: string[] = [];
  for (const word of words) {
    const isThere = (await stat(word).catch(() => null)) !== null;
    (isThere || !looksLikeOverride(word) ? paths : overrides).push(word);
    if (!looksLikeOverride(word)) continue;
    const group = /^[+~]*(\w+)/.exec(word)?.[1] as string;
    const isKnown = group in groupsSchema.shape || group === 'experiment';
    if (isThere && isKnown)
      note(`${word} is a file or folder here: taken for a path. Move it away to override a setting`);
    if (!isThere && !isKnown) note(`There is no file or folder ${word}: taken for an override`);
  }
  return { paths, overrides };
}

/** As {@link pathsAndOverrides}, for commands with one path at most. @throws UsageError */
export async function pathAndOverrides(
  words: readonly string[],
  what: string,
  note: (line: string) => void,
): Promise<{ readonly path: string | undefined; readonly overrides: readonly string[] }> {
  const { paths, overrides } = await pathsAndOverrides(words, note);
  if (paths.length > 1) {
    throw new UsageError(
      `Expected one ${what} but received ${paths.length}: ${paths.join(', ')}. Overrides are written key=value`,
    );
  }
  return { path: paths[0], overrides };
}
