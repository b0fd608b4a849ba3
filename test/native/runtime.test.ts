import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, InvalidArgumentError, runtimeInfo, Trainer } from '../../bindings/index.ts';
import { engineOptions, trainerOptions } from '../helpers/tinyNetwork.ts';

const bindings = new URL('../../bindings/index.ts', import.meta.url).href;

function inChild(code: string, env: Record<string, string> = {}): { stdout: string; stderr: string } {
  const source = `import { runtimeInfo } from ${JSON.stringify(bindings)};\n${code}`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  assert.is(child.status, 0, child.stderr);
  return child;
}

test('the runtime knows its LibTorch and this CPU', () => {
  const info = runtimeInfo();
  assert.match(info.torchBuilt, /^2\.\d+\.\d+$/);
  assert.is(info.torchLoaded.split('.').slice(0, 2).join('.'), info.torchBuilt.split('.').slice(0, 2).join('.'));
  assert.ok(info.cpuCapability.length > 0);
  if (process.platform === 'linux') assert.ok(info.cpuFeatures.length > 0);
  assert.is(
    info.cpuBf16,
    info.cpuFeatures.some((name) => ['amx_bf16', 'avx512_bf16', 'bf16'].includes(name)),
  );
  assert.is(info.cudaAvailable, info.cudaDevices.length > 0);
});

test('the allocator is tuned unless the host application opts out', () => {
  const tuned = inChild('console.log(runtimeInfo().mallocTuned)', { AUTOBIRD_MALLOC: '' });
  const left = inChild('console.log(runtimeInfo().mallocTuned)', { AUTOBIRD_MALLOC: 'default' });
  if (process.platform === 'linux') assert.is(tuned.stdout.trim(), 'true');
  assert.is(left.stdout.trim(), 'false');
});

test('loading prints nothing', () => {
  const { stdout, stderr } = inChild('runtimeInfo()');
  assert.is(stdout + stderr, '');
});

test('CUDA that is switched off, or not there, is refused in words', () => {
  const { stdout } = inChild('console.log(runtimeInfo().cudaAvailable)', { AUTOBIRD_CUDA: '0' });
  assert.is(stdout.trim(), 'false');
  if (runtimeInfo().cudaAvailable) return;
  assert.throws(
    () => Trainer.create(trainerOptions({ device: 'cuda' }), null),
    /^Expected a device of this machine for device but received "cuda": (no CUDA device was found|CUDA cannot be loaded \(.+\))\. Use device=cpu/,
  );
});

test('a CUDA library that cannot be loaded is kept as a reason, and none at all is no failure', () => {
  const { cudaAvailable, cudaFailure } = runtimeInfo();
  assert.ok(cudaFailure === null || (!cudaAvailable && cudaFailure.length > 0));
  assert.is(inChild('console.log(runtimeInfo().cudaFailure)', { AUTOBIRD_CUDA: '0' }).stdout.trim(), 'null');
});

test('a device of another name is refused before anything is made', async () => {
  const options = trainerOptions({ device: 'tpu' as never });
  using trainer = Trainer.create(trainerOptions({}), null);
  const tensors = await trainer.exportState(false);
  for (const create of [() => Trainer.create(options, null), () => Engine.create(engineOptions(options), tensors)]) {
    assert.throws(create, (error: Error) => {
      return (
        error instanceof InvalidArgumentError && error.message === 'Expected cpu or cuda for device but received "tpu"'
      );
    });
  }
});

test.run();
