import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Test files under `folder` whose path contains one of `filters` (all without a filter), sorted. */
export function findTests(folder, filters) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .filter((file) => filters.length === 0 || filters.some((filter) => relative(folder, file).includes(filter)))
    .sort();
}
