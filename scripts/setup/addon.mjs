import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hashOf } from './inputs.mjs';
import { buildDir, readJson, root } from './places.mjs';
import { run } from './run.mjs';
import { findTools, requireTools } from './tools.mjs';

/** What the last build was made of: `{ hash, libtorch, ffmpeg, nativeTests }`. */
export const addonRecord = join(buildDir, 'addon.json');

export const addonPath = join(buildDir, 'Release/autobird.node');
export const audioAddonPath = join(buildDir, 'Release/audio.node');
export const nativeTestPath = join(buildDir, 'native-test');

const SOURCES = ['CMakeLists.txt', 'native/core', 'native/addon', 'native/audio', 'native/preload'];

/**
 * Compiles autobird.node, and audio.node where FFmpeg's libraries are, unless nothing they are made of has changed.
 * With `nativeTests` also the executable of native/test.
 */
export async function buildAddon({ libtorch, nativeTests: wantsTests = false, progress }) {
  const nativeTests = wantsTests && hasNativeTests();
  const tools = findTools();
  const require = createRequire(join(root, 'package.json'));
  const facts = [
    libtorch.path,
    libtorch.version,
    require('node-addon-api/package.json').version,
    tools.compiler?.version,
    tools.ffmpeg,
    process.arch,
  ];
  const hash = hashOf(nativeTests ? [...SOURCES, 'native/test'] : SOURCES, [...facts, nativeTests]);
  const plainHash = nativeTests ? hashOf(SOURCES, [...facts, false]) : hash;
  const last = readJson(addonRecord);
  if (isBuilt(last, tools, nativeTests) && last.hash[nativeTests ? 'tests' : 'addons'] === hash) return 'up to date';
  requireTools(tools);
  // CMake remembers the libraries it has found, and would go on linking to the LibTorch of before.
  if (last?.libtorch !== libtorch.path) rmSync(join(buildDir, 'CMakeCache.txt'), { force: true });
  progress(
    `compiling with ${tools.compiler.version}, CMake ${tools.cmake}${tools.ninja ? `, Ninja ${tools.ninja}` : ''}`,
  );
  progress(
    tools.ffmpeg
      ? `audio.node with ${tools.ffmpeg}`
      : 'no FFmpeg libraries: audio.node is left out, other decoders are used',
  );
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const args = ['--directory', root, '--out', buildDir, '--config', 'Release', '--log-level', 'warn'];
  args.push('--parallel', String(availableParallelism()), `--CDLIBTORCH=${libtorch.path}`);
  args.push(`--CDAUTOBIRD_NATIVE_TESTS=${nativeTests ? 'ON' : 'OFF'}`);
  // cmake-js's `build` alone configures a new folder only, and would keep the options of before.
  await run(process.execPath, [cmakeJs, 'configure', ...args], { cwd: root, what: 'Configuring the addon' });
  await run(process.execPath, [cmakeJs, 'build', ...args], {
    cwd: root,
    what: 'Building the addon',
    onLine: now(progress),
  });
  if (!existsSync(addonPath)) throw new Error(`The build ended well but ${addonPath} is not there`);
  const tests = nativeTests ? hash : (last?.hash?.addons === plainHash && last.hash.tests) || null;
  const record = {
    hash: { addons: plainHash, tests },
    libtorch: libtorch.path,
    version: libtorch.version,
    ffmpeg: tools.ffmpeg,
  };
  writeFileSync(`${addonRecord}.part`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${addonRecord}.part`, addonRecord);
  return tools.ffmpeg ? 'autobird.node and audio.node compiled' : 'autobird.node compiled';
}

export function hasNativeTests() {
  const folder = join(root, 'native/test');
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.cc'));
}

/** Ninja's `[12/40] …` and Make's `[ 30%] …`, every ten seconds: a build that takes minutes shows that it moves. */
function now(progress) {
  let last = performance.now();
  return (line) => {
    const at = /^\[[^\]]+\]/.exec(line)?.[0];
    if (!at || performance.now() - last < 10_000) return;
    last = performance.now();
    progress(at);
  };
}

function isBuilt(last, tools, nativeTests) {
  if (!last?.hash || !existsSync(addonPath)) return false;
  return (!tools.ffmpeg || existsSync(audioAddonPath)) && (!nativeTests || existsSync(nativeTestPath));
}
