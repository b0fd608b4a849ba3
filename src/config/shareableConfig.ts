/** The part of a configuration that others may read: it goes into run folders, checkpoints and reports. */
import { isAbsolute, relative } from 'node:path';

/** As Hydra writes a value that must be given. */
const mustBeGiven = '???';

/**
 * A configuration as the files spell it, without the settings of a service and without any place outside the working
 * folder: paths inside it become relative, other absolute ones and addresses become `???`. Older ones had all of these.
 */
export function shareableConfig(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { service: _, ...rest } = config;
  return shareableValue(rest) as Record<string, unknown>;
}

/** Overrides of the command line, with values as in {@link shareableConfig}. */
export function shareableOverrides(overrides: readonly string[]): string[] {
  return overrides
    .filter((text) => !/^[+~]*\/?service(?:[.=@/]|$)/.test(text))
    .map((text) => {
      const [, key = '', value = ''] = /^([^=]*=)(.*)$/s.exec(text) ?? [];
      const bare = /^(['"])(.*)\1$/s.exec(value)?.[2] ?? value;
      if (isAbsolute(bare)) return key + shareableText(bare);
      return namesPlace.test(value) ? key + mustBeGiven : text;
    });
}

/** An absolute path, a home folder or an address, anywhere in a value. */
const namesPlace = /(?:^|[\s'"[{(,:=])(?:~|\/|\\\\|[A-Za-z]:[\\/])|[A-Za-z][\w+.-]*:\/\//;

function shareableValue(value: unknown): unknown {
  if (typeof value === 'string') return shareableText(value);
  if (Array.isArray(value)) return value.map(shareableValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shareableValue(item)]));
}

function shareableText(text: string): string {
  if (!isAbsolute(text)) return namesPlace.test(text) ? mustBeGiven : text;
  const inside = relative(process.cwd(), text);
  return inside === '' ? '.' : inside.startsWith('..') || isAbsolute(inside) ? mustBeGiven : inside;
}
