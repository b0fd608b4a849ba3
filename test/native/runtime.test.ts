import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, InvalidArgumentError, runtimeInfo, Trainer } from '../../bindings/index.ts';
import { rejects } from '../helpers/rejects.ts';
import { engineOptions, trainerOptions } from '../helpers/tinyNetwork.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const bindings = new URL('../../bindings/index.ts', import.meta.url).href;

function inChild(code: string, env: Record<string, string> = {}): { stdout: string; stderr: string } {
  const source = `import { releaseFreeMemory, runtimeInfo } from ${JSON.stringify(bindings)};\n${code}`;
  const child = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', '--input-type=module', '-e', source], {
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

test('the allocator is tuned as far as an old C library lets it, and left alone where it lets nothing', () =>
  withTempDir(async (dir) => {
    if (process.platform !== 'linux') return console.log('# skip: other allocators are not tuned');
    // As glibc before 2.35, which takes no threshold above `largest` for mapped blocks.
    const source = `#include <stdio.h>
      int mallopt(int which, int value) {
        int taken = which != -3 || value <= LARGEST;
        if (taken) fprintf(stderr, "%d=%d ", which, value);
        return taken;
      }`;
    for (const [largest, tuned, calls] of [
      [32 << 20, 'true', '-3=33554432 -1=1073741824 -2=67108864 '],
      [0, 'false', ''],
    ] as const) {
      const library = join(dir, `old-${largest}.so`);
      const args = ['-shared', '-fPIC', '-x', 'c', `-DLARGEST=${largest}`, '-', '-o', library];
      const compiled = spawnSync('cc', args, { input: source, encoding: 'utf8' });
      if (compiled.error) return console.log('# skip: no C compiler here');
      assert.is(compiled.status, 0, compiled.stderr);
      const env = { AUTOBIRD_MALLOC: '', LD_PRELOAD: library };
      const { stdout, stderr } = inChild('console.log(runtimeInfo().mallocTuned)', env);
      assert.is(stdout.trim(), tuned);
      assert.is(stderr, calls);
    }
  }));

test('memory that a moment of much work left in the heap goes back to the kernel when asked', () => {
  if (!runtimeInfo().mallocTuned) return console.log('# skip: this allocator is not tuned');
  const { stdout } = inChild(`
    import { setTimeout } from 'node:timers/promises';
    const megabytes = () => process.memoryUsage.rss() / 2 ** 20;
    runtimeInfo();
    let buffers = Array.from({ length: 2000 }, () => Buffer.alloc(160_000, 1));
    const last = buffers.at(-1); // above all others: the heap cannot shrink by itself
    const busy = megabytes();
    buffers = null;
    gc();
    await setTimeout(500); // V8 frees them on a thread of its own
    const kept = megabytes();
    await releaseFreeMemory();
    console.log(JSON.stringify({ busy, kept, left: megabytes(), last: last.length }));
  `);
  const { busy, kept, left } = JSON.parse(stdout) as Record<'busy' | 'kept' | 'left', number>;
  assert.ok(kept > busy - 100, `the heap gave ${busy - kept} MiB back by itself: is there still something to ask for?`);
  assert.ok(left < busy - 200, `${left} MiB of ${busy} are left`);
});

test('loading prints nothing', () => {
  const { stdout, stderr } = inChild('runtimeInfo()');
  assert.is(stdout + stderr, '');
});

test('CUDA that is switched off, or not there, is refused in words', async () => {
  const { stdout } = inChild('console.log(runtimeInfo().cudaAvailable)', { AUTOBIRD_CUDA: '0' });
  assert.is(stdout.trim(), 'false');
  if (runtimeInfo().cudaAvailable) return;
  await rejects(
    Trainer.create(trainerOptions({ device: 'cuda' }), null),
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
  using trainer = await Trainer.create(trainerOptions({}), null);
  const tensors = await trainer.exportState(false);
  for (const create of [() => Trainer.create(options, null), () => Engine.create(engineOptions(options), tensors)]) {
    await rejects(create(), (error) => error instanceof InvalidArgumentError);
    await rejects(create(), 'Expected cpu or cuda for device but received "tpu"');
  }
});

test.run();
