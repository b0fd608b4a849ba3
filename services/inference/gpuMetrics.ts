import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Gauge, type Registry } from 'prom-client';

/** Longer than the driver ever takes; less than Prometheus waits. */
const timeoutMs = 3_000;

/**
 * Memory of the GPUs, by the driver's own tool at each scrape of Prometheus: of the whole device, since a process in a container
 * does not know itself by the driver's numbers. Nothing where the tool is missing.
 */
export function measureGpus(registry: Registry): void {
  // Both gauges are read at the same time: the tool runs once for both.
  let reading: Promise<readonly GpuMemory[]> | null = null;
  const read = () => {
    reading ??= gpuMemory().finally(() => {
      reading = null;
    });
    return reading;
  };
  const gauge = (name: string, help: string, value: (memory: GpuMemory) => number) =>
    new Gauge({
      name,
      help,
      aggregator: 'max',
      labelNames: ['gpu'] as const,
      registers: [registry],
      async collect() {
        const gpus = await read();
        this.reset();
        for (const memory of gpus) this.set({ gpu: memory.gpu }, value(memory));
      },
    });
  gauge('autobird_gpu_memory_bytes', 'Memory of a GPU', ({ totalBytes }) => totalBytes);
  gauge(
    'autobird_gpu_memory_used_bytes',
    'Memory of a GPU that is in use, by all processes',
    ({ usedBytes }) => usedBytes,
  );
}

interface GpuMemory {
  readonly gpu: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
}

async function gpuMemory(): Promise<GpuMemory[]> {
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
