/** What jobs may fill of the disk: so much in all, and never the share that is left for the prediction log. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AutobirdError } from '../../src/index.ts';

export interface DiskRoomOptions {
  /** Of all recordings and results of the folder. */
  readonly maxTotalBytes: number;
  /** What stays free on its disk. */
  readonly minFreeBytes: number;
}

/** How long a sum of the folder is good: what is written through this object is added to it. */
const summedForMs = 2000;

export class DiskRoom {
  readonly #dir: string;
  readonly #options: DiskRoomOptions;
  #sum: Promise<number> | null = null;
  #summedAt = 0;
  #writtenSince = 0;

  constructor(dir: string, options: DiskRoomOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /** Of the folder; 0 while there is none. */
  async usedBytes(): Promise<number> {
    if (this.#sum === null || performance.now() - this.#summedAt > summedForMs) {
      this.#summedAt = performance.now();
      this.#writtenSince = 0;
      this.#sum = folderBytes(this.#dir);
    }
    return (await this.#sum) + this.#writtenSince;
  }

  /** Before `bytes` are written, or are announced. @throws DiskFullError */
  async check(bytes: number): Promise<void> {
    const { maxTotalBytes, minFreeBytes } = this.#options;
    if ((await this.usedBytes()) + bytes > maxTotalBytes) throw new DiskFullError('service.jobs.max_total_bytes');
    const { bavail, bsize } = await statfs(this.#dir);
    if (bavail * bsize - bytes < minFreeBytes) throw new DiskFullError('service.jobs.min_free_bytes');
  }

  /** As {@link check}, for bytes that are written next. */
  async take(bytes: number): Promise<void> {
    await this.check(bytes);
    this.#writtenSince += bytes;
  }
}

/** There is no room for a job's recordings or result. */
export class DiskFullError extends AutobirdError {
  /** Jobs end, and are forgotten. */
  readonly retryAfterS = 60;

  /** @param limit the setting that was reached; without one the disk itself is full */
  constructor(limit?: string) {
    super(
      'disk_full',
      `The service has no room for the job${limit === undefined ? '' : ` (${limit})`}: try again later, or tell its operator`,
    );
  }
}

/** The failure of a write as {@link DiskFullError} where the disk, or this user's share of it, is full. */
export function asDiskFull(error: unknown): unknown {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '') ? new DiskFullError() : error;
}

async function folderBytes(dir: string): Promise<number> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    const path = join(dir, entry.name);
    // Files go while they are summed.
    if (entry.isDirectory()) bytes += await folderBytes(path);
    else bytes += (await stat(path).catch(() => null))?.size ?? 0;
  }
  return bytes;
}
