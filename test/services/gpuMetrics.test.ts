/** What is made of the words of `nvidia-smi`; the tool itself is not here, where there is no GPU. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { measureGpus } from '../../services/inference/gpuMetrics.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** The lines of values that Prometheus gets where `nvidia-smi` is the shell script `body`, or is missing. */
async function exposed(body: string | null): Promise<string[]> {
  return await withTempDir(async (dir) => {
    const tool = join(dir, 'nvidia-smi');
    if (body !== null) {
      await writeFile(tool, `#!/bin/sh\n${body}\n`);
      await chmod(tool, 0o755);
    }
    const path = process.env['PATH'];
    process.env['PATH'] = dir;
    try {
      const registry = new Registry();
      measureGpus(registry);
      return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    } finally {
      process.env['PATH'] = path;
    }
  });
}

test('memory of each GPU is exposed in bytes', async () => {
  const lines = await exposed('echo "0, 512, 81559"; echo "1, [N/A], 81559"; echo "2, 4, 1024"');
  assert.equal(lines, [
    `autobird_gpu_memory_bytes{gpu="0"} ${81559 * 2 ** 20}`,
    'autobird_gpu_memory_bytes{gpu="2"} 1073741824',
    'autobird_gpu_memory_used_bytes{gpu="0"} 536870912',
    'autobird_gpu_memory_used_bytes{gpu="2"} 4194304',
  ]);
});

test('nothing is exposed where the tool is missing or fails', async () => {
  assert.equal(await exposed(null), []);
  assert.equal(await exposed('exit 9'), []);
});

test.run();
