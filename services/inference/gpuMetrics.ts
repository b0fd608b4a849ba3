import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Gauge, type Registry } from 'prom-client';

/** Longer than the driver ever takes; less than Prometheus waits. */
const timeoutMs = 3_000;

/**
 * Memory of the GPUs, by the driver's own tool when Prometheus asks: of the whole device, since a process in a container
 * does not know itself by the driver's numbers. Nothing where the tool is missing.
 */
export function measureGpus(registry: Registry): void {
  const labelNames = ['gpu'] as const;
  const registers = [registry];
  const total = new Gauge({ name: 'autobird_gpu_memory_bytes', help: 'Memory of a GPU', labelNames, registers });
  new Gauge({
    name: 'autobird_gpu_memory_used_bytes',
    help: 'Memory of a GPU that is in use, by all processes',
    labelNames,
    registers,
    async collect() {
      this.reset();
      total.reset();
      for (const { gpu, usedBytes, totalBytes } of await gpuMemory()) {
        this.set({ gpu }, usedBytes);
        total.set({ gpu }, totalBytes);
      }
    },
  });
}

async function gpuMemory(): Promise<{ gpu: string; usedBytes: number; totalBytes: number }[]> {
  const words = ['--query-gpu=index,memory.used,memory.total', '--format=csv,noheader,nounits'];
  const { stdout } = await promisify(execFile)('nvidia-smi', words, { timeout: timeoutMs }).catch(() => ({
    stdout: '',
  }));
  return [...stdout.matchAll(/^(\d+), (\d+), (\d+)$/gm)].map(([, gpu, used, total]) => ({
    gpu: gpu as string,
    usedBytes: Number(used) * 2 ** 20,
    totalBytes: Number(total) * 2 ** 20,
  }));
}
