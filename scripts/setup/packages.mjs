import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isClone, readJson, root } from './places.mjs';
import { run } from './run.mjs';

/** Installs the npm packages of package-lock.json unless node_modules holds exactly them already. */
export async function installPackages({ offline, progress }) {
  if (!isClone || !existsSync(join(root, 'package-lock.json'))) return 'came with the package';
  const missing = missingPackages();
  if (missing.length === 0) return 'up to date';
  progress(`npm ci (${missing.length} missing or of another version, ${missing[0]} first)`);
  // Scripts run: esbuild and biome place their binaries with one. Nothing of autobird's own hides in an install script.
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error', offline ? '--offline' : '--prefer-offline'];
  await run('npm', args, { cwd: root, what: `npm ${args.join(' ')}` });
  return 'installed';
}

/** Names of the npm packages that are not installed as package-lock.json has them. */
export function missingPackages() {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages ?? {};
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && !(entry.optional && !installed[path]))
    .filter(([path, entry]) => installed[path]?.version !== entry.version || !existsSync(join(root, path)))
    .map(([path]) => path.replace('node_modules/', ''));
}
