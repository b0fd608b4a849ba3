/** Compiled addons in the user cache: a second clone and a new `npm ci` copy what takes minutes to compile. */
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { libtorchRecord, packageRoot } from '../../bindings/places.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const root = packageRoot();
// A plain module without types: it runs before any package is installed.
const { keep, restore } = await import(new URL('../../scripts/setup/addonCache.mjs', import.meta.url).href);
const FILES = ['Release/one.node', 'two'];

/** Runs `use` with an empty cache and a build folder that holds FILES. */
async function withBuild(use: (build: string, addons: string) => void | Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const before = process.env['AUTOBIRD_CACHE'];
    process.env['AUTOBIRD_CACHE'] = join(dir, 'cache');
    const build = join(dir, 'build');
    mkdirSync(join(build, 'Release'), { recursive: true });
    for (const file of FILES) writeFileSync(join(build, file), `content of ${file}`);
    try {
      await use(build, join(dir, 'cache/addons'));
    } finally {
      if (before === undefined) delete process.env['AUTOBIRD_CACHE'];
      else process.env['AUTOBIRD_CACHE'] = before;
    }
  });
}

test('what was kept comes back in another folder, executable', () =>
  withBuild((build, addons) => {
    assert.is(restore('h1', join(build, 'second'), FILES), false);
    keep('h1', build, FILES);
    keep('h1', build, FILES);
    assert.equal(readdirSync(addons), ['h1']);
    assert.is(restore('h1', join(build, 'second'), FILES), true);
    for (const file of FILES) assert.is(readFileSync(join(build, 'second', file), 'utf8'), `content of ${file}`);
    assert.is(restore('h2', join(build, 'second'), FILES), false);
  }));

test('an entry that is damaged or lacks a file is removed, and nothing of it is copied', () =>
  withBuild((build, addons) => {
    for (const damage of [
      () => appendFileSync(join(addons, 'h/two'), 'x'),
      () => rmSync(join(addons, 'h/two')),
      () => writeFileSync(join(addons, 'h/files.json'), '{"two":'),
    ]) {
      keep('h', build, FILES);
      damage();
      assert.is(restore('h', join(build, 'second'), FILES), false);
      assert.not.ok(existsSync(join(build, 'second')));
      keep('h', build, FILES);
      assert.is(restore('h', join(build, 'third'), FILES), true, 'the next build is kept again');
      rmSync(addons, { recursive: true });
    }
  }));

test('the dozen entries used last are kept, and what a killed set-up left is removed', () =>
  withBuild((build, addons) => {
    const hourAgo = new Date(Date.now() - 3_700_000);
    for (let i = 0; i < 14; i += 1) {
      keep(`h${i}`, build, FILES);
      utimesSync(join(addons, `h${i}`), i, i);
    }
    for (const name of ['part-old', 'part-new']) mkdirSync(join(addons, name));
    utimesSync(join(addons, 'part-old'), hourAgo, hourAgo);
    assert.is(restore('h3', build, FILES), true);
    keep('last', build, FILES);
    const left = readdirSync(addons).sort();
    assert.is(left.filter((name) => !name.startsWith('part-')).length, 12);
    for (const name of ['h3', 'last', 'h13', 'part-new']) assert.ok(left.includes(name), name);
    for (const name of ['h0', 'h1', 'h2', 'part-old']) assert.not.ok(left.includes(name), name);
  }));

test('two set-ups may keep and copy the same entry at once, while old ones are removed', () =>
  withBuild(async (build) => {
    const module = join(root, 'scripts/setup/addonCache.mjs');
    const script = `const { keep, restore } = await import(${JSON.stringify(module)});
      const [build, mine] = process.argv.slice(1);
      for (let i = 0; i < 200; i += 1) {
        keep('h' + (i % 20), build, ${JSON.stringify(FILES)});
        restore('h' + (i % 20), mine, ${JSON.stringify(FILES)});
      }`;
    const runs = [1, 2, 3].map((i) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, build, join(build, `of${i}`)]),
    );
    for (const run of await Promise.allSettled(runs))
      assert.equal(run, { status: 'fulfilled', value: { stdout: '', stderr: '' } });
  }));

test('a second clone copies the addon of the first, which loads; a changed source is compiled', () =>
  withBuild(async (build, addons) => {
    const clone = join(build, 'clone');
    for (const name of ['package.json', 'CMakeLists.txt', 'native', 'scripts', 'tsconfig.build.json']) {
      cpSync(join(root, name), join(clone, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
    const files = readdirSync(join(root, 'build/Release')).map((name) => `Release/${name}`);
    keep(JSON.parse(readFileSync(join(root, 'build/addon.json'), 'utf8')).hash.addons, join(root, 'build'), files);
    // Compiling would take minutes: this CMake only says which version it is.
    const tools = join(build, 'tools');
    mkdirSync(tools);
    const cmake = (cases = '') =>
      writeFileSync(
        join(tools, 'cmake'),
        `#!/bin/sh\ncase "$1" in --version) echo cmake version 3.99.0 ;; ${cases} *) exit 1 ;; esac\n`,
        { mode: 0o755 },
      );
    cmake();
    const LIBTORCH = libtorchRecord(root)?.path;
    const env = { ...process.env, LIBTORCH, PATH: `${tools}:${process.env['PATH']}` };
    const setUp = () =>
      promisify(execFile)(process.execPath, ['scripts/setup.mjs', '--only', 'addon'], { cwd: clone, env });
    assert.match((await setUp()).stdout, /✓ addon: copied from .*cache\/addons/);
    const addon = createRequire(import.meta.url)(join(clone, 'build/Release/autobird.node'));
    addon.initialize((_code: string, message: string) => new Error(message));
    assert.match(addon.runtimeInfo().torchLoaded, /^2\.11\./);
    assert.match((await setUp()).stdout, /✓ addon: up to date/);

    appendFileSync(join(clone, 'native/addon/addon.cc'), '\n');
    // A copied build folder has the CMakeCache.txt of another one, which CMake refuses.
    writeFileSync(join(clone, 'build/CMakeCache.txt'), 'CMAKE_CACHEFILE_DIR:INTERNAL=/elsewhere/build\n');
    const failed = async () =>
      assert.match((await setUp().catch((error) => error)).stderr, /Configuring the addon failed/);
    await failed();
    assert.not.ok(existsSync(join(clone, 'build/CMakeCache.txt')));
    // Not "up to date" after that.
    await failed();

    // A `git pull` in the middle of a build: what came of it is neither kept nor taken for up to date.
    const kept = readdirSync(addons);
    const outputs = files.map((file) => `build/${file}`).join(' ');
    const pull = `cd ${clone}; mkdir -p build/Release; touch ${outputs}; echo >> native/addon/addon.cc`;
    cmake(`--build) ${pull} ;; ${clone}) ;;`);
    const pulled = async () =>
      assert.match((await setUp().catch((error) => error)).stderr, /were changed while they were compiled/);
    await pulled();
    await pulled();
    assert.equal(readdirSync(addons), kept);
  }));

test.run();
