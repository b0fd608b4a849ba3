import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Gauge, type Registry } from 'prom-client';

/** How full the disks are that the prediction log and jobs are written to, at each scrape of Prometheus. */
export function measureDisks(registry: Registry, folders: Readonly<Record<string, string | null>>): void {
  const gauge = (name: string, help: string, blocks: 'bavail' | 'blocks') =>
    new Gauge({
      name,
      help,
      aggregator: 'max',
      labelNames: ['folder'] as const,
      registers: [registry],
      async collect() {
        this.reset();
        for (const [folder, path] of Object.entries(folders)) {
          const stats = path === null ? null : await statsOf(resolve(path));
          if (stats !== null) this.set({ folder }, stats[blocks] * stats.bsize);
        }
      },
    });
  gauge('autobird_disk_free_bytes', 'What is free on the disk of a folder', 'bavail');
  gauge('autobird_disk_bytes', 'Size of the disk of a folder', 'blocks');
}

/** Of the folder, or of the one that it will be made in. */
async function statsOf(path: string): Promise<StatsFs | null> {
  const stats = await statfs(path).catch(() => null);
  const parent = dirname(path);
  return stats !== null || parent === path ? stats : await statsOf(parent);
}
