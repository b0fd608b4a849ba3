import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheFolder, makeFolderSync, packageRoot } from '../../bindings/places.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const root = packageRoot();
// Plain modules without types: they run before any package is installed.
const load = (name: string) => import(new URL(`../../scripts/setup/${name}.mjs`, import.meta.url).href);
const { withLock } = await load('lock');
const { isWanted, platformOf, wheelsOf } = await load('wheels');
const { inspect } = await load('libtorch');
const places = await load('places');

/** A folder that looks like LibTorch of a version. */
function fakeLibtorch(folder: string, version: string): void {
  const [major, minor, patch] = version.split('.');
  mkdirSync(join(folder, 'lib'), { recursive: true });
  mkdirSync(join(folder, 'include/torch/headeronly'), { recursive: true });
  writeFileSync(join(folder, `lib/libtorch_cpu.${process.platform === 'darwin' ? 'dylib' : 'so'}`), 'not a library');
  const lines = [`MAJOR ${major}`, `MINOR ${minor}`, `PATCH ${patch}`].map((part) => `#define TORCH_VERSION_${part}`);
  writeFileSync(join(folder, 'include/torch/headeronly/version.h'), lines.join('\n'));
}

function setup(args: readonly string[], env: NodeJS.ProcessEnv) {
  const all = ['scripts/setup.mjs', ...args];
  return spawnSync(process.execPath, all, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
}

test('the scripts and the bindings agree on the cache folder', () => {
  for (const env of [
    { AUTOBIRD_CACHE: '/a' },
    { XDG_CACHE_HOME: '/x' },
    {},
    { AUTOBIRD_CACHE: '', XDG_CACHE_HOME: '' },
  ]) {
    assert.is(places.cacheDir(env), cacheFolder(env));
  }
  assert.is(places.root, root);
});

const hasProc = existsSync('/proc/self');

(hasProc ? test : test.skip)(
  'a cache in a file system that takes no folders is refused, and nothing is searched for ever',
  async () => {
    for (const make of [makeFolderSync, places.makeFolderSync]) {
      assert.throws(() => make('/proc/autobird/cache'), /ENOENT.*\/proc\/autobird/);
      await withTempDir(async (dir) => {
        make(join(dir, 'a/b'));
        make(join(dir, 'a/b'));
        assert.ok(existsSync(join(dir, 'a/b')));
      });
    }
    const env = { ...process.env, AUTOBIRD_CACHE: '/proc/autobird/cache' };
    const run = (source: string) =>
      spawnSync(process.execPath, ['--import', 'tsx', '--eval', source], {
        cwd: root,
        env,
        timeout: 60_000,
        encoding: 'utf8',
      });
    const loaded = run(
      `import('./bindings/probe.ts').then(({ probe }) => console.log(probe('build/Release/env.node', [])))`,
    );
    assert.is(loaded.stdout, 'null\n', loaded.stderr);
    const kept = run(`import('./scripts/setup/addonCache.mjs').then(({ keep }) => keep('0', 'build', []))`);
    assert.match(kept.stderr, /ENOENT.*\/proc\/autobird/);
  },
);

test('only one of two set-ups works at a time', async () => {
  await withTempDir(async (dir) => {
    const lock = join(dir, 'setup.lock');
    const order: string[] = [];
    let secondIsThere = () => {};
    const untilSecond = new Promise<void>((resolve) => {
      secondIsThere = resolve;
    });
    const first = withLock(
      lock,
      () => {},
      async () => {
        order.push('first begins');
        await untilSecond;
        order.push('first ends');
      },
    );
    const second = withLock(
      lock,
      (line: string) => {
        order.push(line.slice(0, 7));
        secondIsThere();
      },
      async () => {
        order.push('second');
        secondIsThere();
      },
    );
    await Promise.all([first, second]);
    assert.equal(order, ['first begins', 'waiting', 'first ends', 'second']);
    assert.not.ok(existsSync(lock));
  });
});

test('a lock whose owner was killed, or has not touched it for a minute, is taken over', async () => {
  await withTempDir(async (dir) => {
    const lock = join(dir, 'setup.lock');
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('close', resolve));
    writeFileSync(lock, JSON.stringify({ pid: child.pid, host: hostname() }));
    assert.is(await withLock(lock, assert.unreachable, async () => 'killed'), 'killed');

    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: 'another machine' }));
    const old = new Date(Date.now() - 120_000);
    utimesSync(lock, old, old);
    assert.is(await withLock(lock, assert.unreachable, async () => 'old'), 'old');
  });
});

test('the CPU part of the wheel leaves CUDA and Python out', () => {
  const wanted = [
    'torch/lib/libtorch_cpu.so',
    'torch/lib/libc10.so',
    'torch/lib/libgomp.so.1',
    'torch/include/ATen/ATen.h',
  ];
  const cuda = [
    'torch/lib/libtorch_cuda.so',
    'torch/lib/libc10_cuda.so',
    'torch/lib/libtorch.so',
    'torch/lib/libtorch_cuda_linalg.so',
  ];
  const never = [
    'torch/lib/libtorch_python.so',
    'torch/nn/__init__.py',
    'functorch/_C.so',
    'nvidia/cu13/lib/libcudart_static.a',
  ];
  for (const member of wanted) assert.ok(isWanted(member, 'cpu') && isWanted(member, 'cuda'), member);
  for (const member of cuda) assert.ok(!isWanted(member, 'cpu') && isWanted(member, 'cuda'), member);
  for (const member of never) assert.ok(!isWanted(member, 'cpu') && !isWanted(member, 'cuda'), member);
  assert.ok(isWanted('nvidia/cu13/lib/libcudart.so.13', 'cpu'));
});

test('every wheel of the three known platforms is pinned by sha256', () => {
  // A process under test may run with musl, where no wheel fits; the tables are the same everywhere.
  const names = ['darwin-arm64', ...(platformOf() && process.platform === 'linux' ? ['linux-x64', 'linux-arm64'] : [])];
  for (const name of names) {
    const platform = platformOf(name);
    const cpu = wheelsOf(platform, 'cpu');
    assert.equal(
      cpu.map((wheel: { name: string }) => wheel.name),
      name === 'darwin-arm64' ? ['torch'] : ['torch', 'nvidia-cuda-runtime', 'nvidia-cuda-cupti'],
    );
    for (const { sha256 } of wheelsOf(platform, 'cuda')) assert.match(sha256, /^[0-9a-f]{64}$/);
  }
  assert.is(platformOf('win32-x64'), null);
  assert.is(platformOf('linux-riscv64'), null);
});

test('a LibTorch folder is known by its header', async () => {
  await withTempDir(async (dir) => {
    assert.is(inspect(dir), null);
    fakeLibtorch(dir, '2.11.3');
    assert.equal(inspect(dir), { path: dir, version: '2.11.3', variant: 'cpu' });
  });
});

test('a LIBTORCH that is empty or of another minor version is refused with what to do', async () => {
  await withTempDir(async (dir) => {
    const record = places.readJson(places.libtorchRecord);
    const empty = setup(['--only', 'libtorch'], { LIBTORCH: dir });
    assert.is(empty.status, 1);
    assert.match(empty.stderr, /is no LibTorch folder: expected lib\/libtorch_cpu/);
    fakeLibtorch(dir, '2.6.0');
    const old = setup(['--only', 'libtorch'], { LIBTORCH: dir });
    assert.is(old.status, 1);
    assert.match(old.stderr, /holds LibTorch 2\.6\.0, but autobird is written for 2\.11/);
    assert.equal(places.readJson(places.libtorchRecord), record);
  });
});

test('wrong usage is answered with the usage and exit code 2', () => {
  const unknown = setup(['--only', 'everything'], {});
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, /--only knows packages, libtorch, addon, dist, but received 'everything'/);
  assert.is(setup(['--cuda', '--cpu'], {}).status, 2);
  assert.is(setup(['--nonsense'], {}).status, 2);
});

test('doctor prints the same findings for people and for machines', () => {
  const run = (args: readonly string[]) =>
    spawnSync(process.execPath, ['scripts/doctor.mjs', ...args], { cwd: root, encoding: 'utf8' });
  const machine = run(['--json']);
  const { ok, findings } = JSON.parse(machine.stdout);
  assert.is(machine.status, ok ? 0 : 1);
  for (const name of ['Node', 'LibTorch', 'addon', 'CPU', 'GPU', 'decoder: audio.node', 'cache']) {
    assert.ok(
      findings.some((finding: { name: string }) => finding.name === name),
      name,
    );
  }
  const people = run([]).stdout;
  for (const { name, remedy } of findings) assert.ok(people.includes(name) && people.includes(remedy ?? ''), name);
});

(hasProc ? test : test.skip)('doctor finds a cache that takes no folders, also where root may write everything', () => {
  const env = { ...process.env, AUTOBIRD_CACHE: '/proc/autobird/cache' };
  const child = spawnSync(process.execPath, ['scripts/doctor.mjs', '--json'], { cwd: root, encoding: 'utf8', env });
  const { findings } = JSON.parse(child.stdout);
  const { state, value, remedy } = findings.find(({ name }: { name: string }) => name === 'cache');
  assert.equal([state, value], ['absent', '/proc/autobird/cache is not writable']);
  assert.match(remedy, 'AUTOBIRD_CACHE');
});

test('doctor names the cache that the set-up uses', async () => {
  await withTempDir(async (dir) => {
    writeFileSync(join(dir, 'something'), 'x');
    const env = { ...process.env, AUTOBIRD_CACHE: dir };
    const child = spawnSync(process.execPath, ['scripts/doctor.mjs'], { cwd: root, encoding: 'utf8', env });
    assert.ok(child.stdout.includes(dir));
    assert.is(readFileSync(join(dir, 'something'), 'utf8'), 'x');
  });
});

test.run();
