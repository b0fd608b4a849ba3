import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf } from './inputs.mjs';
import { isClone, root } from './places.mjs';
import { run } from './run.mjs';

const INPUTS = ['bindings', 'src', 'services', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const stamp = join(root, 'dist/inputs.sha256');

/** Compiles the TypeScript sources into dist, and copies the web page there, unless they are unchanged. */
export async function buildDist() {
  if (!isClone) return 'came with the package';
  const hash = hashOf(INPUTS);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return 'up to date';
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: root,
    what: 'tsc -p tsconfig.build.json',
  });
  // What browsers get is not compiled.
  cpSync(join(root, 'services/web/page'), join(root, 'dist/services/web/page'), { recursive: true });
  writeFileSync(stamp, hash);
  return 'compiled';
}
