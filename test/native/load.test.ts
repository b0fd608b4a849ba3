import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../bindings/places.ts';

const root = packageRoot();
const loader = JSON.stringify(join(root, 'bindings/load.ts'));

/** Runs TypeScript in a process of its own with a changed environment. */
function run(source: string, env: NodeJS.ProcessEnv = {}) {
  const all: NodeJS.ProcessEnv = { ...process.env, ...env };
  for (const [name, value] of Object.entries(env)) if (value === undefined) delete all[name];
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: all });
}

test('the addon loads and says which LibTorch it runs with', async () => {
  const { loadAddon } = await import('../../bindings/load.ts');
  const addon = loadAddon();
  assert.is(loadAddon(), addon);
  const info = addon.runtimeInfo();
  assert.match(info.torchLoaded, /^2\.11\./);
  assert.is(info.torchBuilt.split('.')[1], info.torchLoaded.split('.')[1]);
});

test('a worker thread loads it too, beside the main thread', async () => {
  const source = `import('tsx/esm/api').then(async ({ register }) => {
    register();
    const { loadAddon } = await import(${loader});
    require('node:worker_threads').parentPort.postMessage(loadAddon().runtimeInfo().torchLoaded);
  });`;
  const worker = new Worker(source, { eval: true });
  const version = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.match(String(version), /^2\.11\./);
  await worker.terminate();
});

test('on few cores OpenMP is told to wait passively before it is loaded, even from a worker', () => {
  const fromMain = `const { loadAddon } = await import(${loader}); loadAddon(); console.log(process.env.OMP_WAIT_POLICY);`;
  // The main thread's process.env reads the C environment: what the worker's own copy says proves nothing.
  const fromWorker = `import { Worker } from 'node:worker_threads';
    const source = "import('tsx/esm/api').then(async ({ register }) => { register(); (await import(require('node:worker_threads').workerData)).loadAddon(); });";
    const worker = new Worker(source, { eval: true, execArgv: [], workerData: ${loader} });
    worker.once('exit', () => console.log(process.env.OMP_WAIT_POLICY));`;
  const set = availableParallelism() <= 4 ? 'passive' : 'undefined';
  for (const source of [fromMain, fromWorker]) {
    const unset = run(source, { OMP_WAIT_POLICY: undefined });
    assert.is(unset.stdout.trim(), set, unset.stderr);
    assert.is(run(source, { OMP_WAIT_POLICY: 'active' }).stdout.trim(), 'active');
  }
});

test('the Node that loads it ends cleanly', () => {
  const { status, signal, stderr } = run(`(await import(${loader})).loadAddon(); process.exit(7);`);
  assert.is(signal, null, stderr);
  assert.is(status, 7, stderr);
});

test.run();
