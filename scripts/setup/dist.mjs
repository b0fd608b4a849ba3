import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from './inputs.mjs';
import { isClone, root } from './places.mjs';
import { run } from './run.mjs';

const INPUTS = ['bindings', 'src', 'services', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const stamp = join(root, 'dist/inputs.sha256');
// As deep as dist, for the paths in its source maps.
const aside = join(root, 'dist.part');

/** Compiles the TypeScript sources into a new dist, and copies the web page there, unless they are unchanged. */
export async function buildDist() {
  if (!isClone) return 'came with the package';
  const hash = hashOf(INPUTS);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return 'up to date';
  rmSync(aside, { recursive: true, force: true });
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', aside];
  await run(process.execPath, tsc, { cwd: root, what: 'tsc -p tsconfig.build.json' });
  // What browsers get is not compiled.
  cpSync(join(root, 'services/web/page'), join(aside, 'services/web/page'), { recursive: true });
  writeFileSync(join(aside, 'inputs.sha256'), hash);
  // Nothing of files that were moved or removed since stays.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  renameSync(aside, join(root, 'dist'));
  return 'compiled';
}
