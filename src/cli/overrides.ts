import { quoteValue } from '../config/grammar.ts';
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

/** Splits positional words into one folder at most and overrides. */
export function folderAndOverrides(words: readonly string[]): { folder: string | undefined; overrides: string[] } {
  const folders = words.filter((word) => !looksLikeOverride(word));
  if (folders.length > 1) {
    throw new UsageError(
      `Expected one folder but received ${folders.length}: ${folders.join(', ')}. Overrides are written key=value`,
    );
  }
  return { folder: folders[0], overrides: words.filter(looksLikeOverride) };
}
