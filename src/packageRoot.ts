import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AutobirdError } from '../bindings/errors.ts';

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
}

let found: { readonly root: string; readonly version: string } | undefined;

function find(): { readonly root: string; readonly version: string } {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as PackageJson;
      if (name === 'autobird' && version !== undefined) return { root: folder, version };
    }
    if (dirname(folder) === folder) {
      throw new AutobirdError('broken_install', `No package.json of autobird above ${start}: install autobird again`);
    }
  }
}

/** The folder of autobird's own package.json; the same from `src/` and from `dist/src/`. */
export function packageRoot(): string {
  found ??= find();
  return found.root;
}

/** autobird's version, e.g. `0.1.0`. */
export function packageVersion(): string {
  found ??= find();
  return found.version;
}
