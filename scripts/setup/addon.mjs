import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join, relative } from 'node:path';
import { keep, restore } from './addonCache.mjs';
import { hashOf } from './inputs.mjs';
import { buildDir, cacheDir, readJson, root } from './places.mjs';
import { SetupError } from './report.mjs';
import { run } from './run.mjs';
import { findTools, requireTools } from './tools.mjs';

/** What is in the build folder: `{ hash: { addons, tests }, compiledWith }`; the hashes are empty while it is being changed. */
export const addonRecord = join(buildDir, 'addon.json');

export const addonPath = join(buildDir, 'Release/autobird.node');
export const audioAddonPath = join(buildDir, 'Release/audio.node');
const envAddonPath = join(buildDir, 'Release/env.node');
export const nativeTestPath = join(buildDir, 'native-test');

const require = createRequire(join(root, 'package.json'));
const inBuild = (path) => relative(buildDir, path);
const SOURCES = ['CMakeLists.txt', 'native/core', 'native/addon', 'native/audio', 'native/preload'];

/**
 * Provides autobird.node, and audio.node where FFmpeg's libraries are: those that are built already, those that the user
 * cache has of the same sources, tools and libraries, or else compiled. With `nativeTests` also the executable of native/test.
 */
export async function buildAddon({ libtorch, nativeTests: wantsTests = false, progress }) {
  const tools = findTools();
  const facts = factsOf(tools, libtorch);
  const audio = tools.ffmpeg ? [audioAddonPath] : [];
  const hashes = () => ({ addons: hashOf(SOURCES, facts), tests: hashOf([...SOURCES, 'native/test'], facts) });
  const before = hashes();
  const parts = { addons: { hash: before.addons, files: [addonPath, envAddonPath, ...audio].map(inBuild) } };
  if (wantsTests && hasNativeTests()) parts.tests = { hash: before.tests, files: [nativeTestPath].map(inBuild) };
  const last = readJson(addonRecord);
  const isBuilt = ({ hash, files }, name) =>
    last?.hash?.[name] === hash && files.every((file) => existsSync(join(buildDir, file)));
  const missing = Object.keys(parts).filter((name) => !isBuilt(parts[name], name));
  if (missing.length === 0) return 'up to date';
  const hash = { addons: parts.addons.hash, tests: parts.tests?.hash ?? null };
  record({}, last?.compiledWith);
  // One for an FFmpeg that is gone would be announced as broken at each start.
  if (!tools.ffmpeg) rmSync(audioAddonPath, { force: true });
  if (missing.every((name) => restore(parts[name].hash, buildDir, parts[name].files))) {
    record(hash, last?.compiledWith);
    return `copied from ${join(cacheDir(), 'addons')}`;
  }
  requireTools(tools);
  if (JSON.stringify(last?.compiledWith) !== JSON.stringify(facts)) {
    rmSync(join(buildDir, 'CMakeFiles'), { recursive: true, force: true });
    record({}, facts);
  }
  await compile({ libtorch, tools, nativeTests: hash.tests !== null, progress });
  // What was compiled of files of before and after a `git pull` must not be taken for either.
  if (JSON.stringify(hashes()) !== JSON.stringify(before)) {
    throw new SetupError('Files of native/ were changed while they were compiled. Run the same command again.');
  }
  record(hash, facts);
  for (const part of Object.values(parts)) {
    try {
      keep(part.hash, buildDir, part.files);
    } catch (error) {
      progress(`not kept in the cache: ${error.message}`);
    }
  }
  return tools.ffmpeg ? 'autobird.node and audio.node compiled' : 'autobird.node compiled';
}

function record(hash, compiledWith) {
  mkdirSync(buildDir, { recursive: true });
  writeFileSync(`${addonRecord}.part`, `${JSON.stringify({ hash, compiledWith }, null, 2)}\n`);
  renameSync(`${addonRecord}.part`, addonRecord);
}

/** All that decides how the binaries come out, beside the sources. */
function factsOf(tools, libtorch) {
  const flags = ['CXXFLAGS', 'LDFLAGS', 'CMAKE_TOOLCHAIN_FILE'].map((name) => process.env[name] ?? '');
  return [
    libtorch.path,
    libtorch.version,
    libtorch.variant,
    require('node-addon-api/package.json').version,
    tools.compiler?.version ?? '',
    tools.ffmpeg ?? '',
    `${process.platform} ${process.arch}`,
    ...flags,
    // Node's version is none of it: Node-API is the same in all of them. The processor is, where a flag asks for it.
    flags.some((text) => text.includes('native')) ? (cpus()[0]?.model ?? '') : '',
  ];
}

async function compile({ libtorch, tools, nativeTests, progress }) {
  // CMake remembers the options, the libraries and the folder of before, and this may be a copy of another clone.
  rmSync(join(buildDir, 'CMakeCache.txt'), { force: true });
  // Copies from the cache are younger than the objects here: a linker's work is never left out because of them.
  for (const binary of [addonPath, envAddonPath, audioAddonPath, nativeTestPath]) rmSync(binary, { force: true });
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
