import { join } from 'node:path';
import { buildAddon } from './addon.mjs';
import { buildDist } from './dist.mjs';
import { provideLibtorch } from './libtorch.mjs';
import { withLock } from './lock.mjs';
import { installPackages } from './packages.mjs';
import { buildDir, root } from './places.mjs';
import { say, step } from './report.mjs';

export const STEPS = ['packages', 'libtorch', 'addon', 'dist'];

/**
 * Makes this package ready: npm packages, LibTorch, the addon, the compiled TypeScript. Each step is skipped when its
 * result is there, so the whole can be repeated, and resumed after an interruption.
 *
 * @param options `only`: steps to run (default all); `variant`: `cpu` or `cuda`; `offline`: never use the network;
 *   `nativeTests`: also compile native/test.
 */
export async function setUp({ only = STEPS, variant, offline = false, nativeTests = false } = {}) {
  const interrupted = (signal) => process.exit(signal === 'SIGINT' ? 130 : 143);
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await withLock(join(buildDir, 'setup.lock'), say, async () => {
      if (only.includes('packages')) await step('npm packages', (progress) => installPackages({ offline, progress }));
      let libtorch;
      const provide = async (progress) => {
        libtorch = await provideLibtorch({ variant, offline, progress });
        return `${libtorch.version} (${libtorch.variant}, from ${libtorch.source}) in ${libtorch.path}`;
      };
      if (only.includes('libtorch') || only.includes('addon')) await step('LibTorch', provide);
      if (only.includes('addon')) await step('addon', (progress) => buildAddon({ libtorch, nativeTests, progress }));
      if (only.includes('dist')) await step(`TypeScript in ${join(root, 'dist')}`, () => buildDist());
    });
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}
