/** Everything about jobs that routes need: the folder, the queue and what runs of it. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import { AutobirdError, type ServiceConfig } from '../../src/index.ts';
import { makeFolder } from '../../src/service.ts';
import { clientKey } from '../http/clientKey.ts';
import { FairBudget } from '../http/FairBudget.ts';
import { allowLongUpload } from '../http/longRequests.ts';
import { DiskRoom } from './DiskRoom.ts';
import type { Job, JobCounts } from './Job.ts';
import type { JobMetrics } from './JobMetrics.ts';
import { JobRunner, type JobWork } from './JobRunner.ts';
import { JobStore } from './JobStore.ts';
import { jobsFile } from './jobTables.ts';
import { recordingPath, removeAbandoned, resultFormats, resultPath, spoolUpload } from './spool.ts';

const sweepEveryMs = 60_000;
const hourMs = 3_600_000;

type JobsConfig = ServiceConfig['jobs'];

export interface JobsOptions {
  /** Recordings of one job. */
  readonly maxFiles: number;
  /** Does a job; `room` is what its result may fill. */
  readonly run: (room: DiskRoom) => JobWork['run'];
  readonly metrics: JobMetrics;
  readonly logger: FastifyBaseLogger;
}

export class Jobs {
  readonly dir: string;
  /** After its end a job is deleted when so much time has passed. */
  readonly retentionMs: number;
  readonly #room: DiskRoom;
  readonly #config: JobsConfig;
  readonly #maxFiles: number;
  readonly #runner: JobRunner;
  readonly #sweeper: NodeJS.Timeout;
  readonly #logger: FastifyBaseLogger;
  readonly #stopping = new AbortController();
  /** Uploads that are on their way, which may take an hour each. */
  readonly #uploads: FairBudget;
  #store: JobStore | null = null;

  /**
   * The folder is made for the first job; jobs that are there already go on at once.
   *
   * @throws FormatError, AutobirdError `jobs_unavailable` where jobs are there that cannot be read
   */
  constructor(config: JobsConfig & { readonly dir: string }, { maxFiles, run, metrics, logger }: JobsOptions) {
    const { dir, retentionHours, concurrency, maxAttempts, deadlineS } = config;
    this.dir = dir;
    this.retentionMs = retentionHours * hourMs;
    this.#config = config;
    this.#room = new DiskRoom(dir, config);
    this.#maxFiles = maxFiles;
    this.#uploads = new FairBudget(config.maxQueued, 'Too many recordings are on their way');
    this.#logger = logger;
    this.#existing();
    this.#runner = new JobRunner(
      () => this.#existing(),
      { concurrency, maxAttempts, deadlineS },
      { run: run(this.#room), tidy: (job, hasSucceeded) => this.#tidy(job, hasSucceeded) },
      metrics,
      logger,
    );
    this.#sweeper = setInterval(() => void this.#sweep(), sweepEveryMs).unref();
    void this.#sweep();
  }

  /** Aborted when the service stops. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Receives the recordings of a request as a job.
   *
   * @throws QueueFullError, and as `spoolUpload`
   */
  async submit(request: FastifyRequest, query: Job['request']['query']): Promise<Job> {
    const { maxQueued, maxFileBytes } = this.#config;
    const store = await this.#made();
    const client = clientKey(request);
    store.checkRoom(client, maxQueued);
    using hold = this.#uploads.hold(client);
    hold.take(1);
    using _long = allowLongUpload(request);
    const id = randomBytes(16).toString('hex');
    try {
      const limits = { maxFileBytes, maxFiles: this.#maxFiles };
      const spooling = spoolUpload(request, { dir: this.dir, id, limits, room: this.#room });
      const { files, receiveMs } = await hold.whileHeld(spooling);
      const stored = files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 }));
      store.add(id, { requestId: request.id, query, files: stored, receiveMs }, client, maxQueued);
    } catch (error) {
      await this.#remove(id);
      throw error;
    }
    setImmediate(() => this.#runner.look());
    return store.get(id) as Job;
  }

  get(id: string): Job | null {
    return this.#existing()?.get(id) ?? null;
  }

  counts(): JobCounts {
    return this.#existing()?.counts() ?? { queued: 0, running: 0 };
  }

  /** Ends a job and deletes its recordings and its result; gives what it was, null where there is none. */
  async delete(id: string): Promise<Job | null> {
    const job = this.#existing()?.delete(id) ?? null;
    if (job === null) return null;
    await this.#runner.cancel(id);
    await this.#remove(id);
    return job;
  }

  /** Lets go of what runs here, for the next process to begin again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#sweeper);
    await this.#runner.stop();
    this.#store?.close();
    this.#store = null;
  }

  /** The jobs of the folder, also where another process has made it. */
  #existing(): JobStore | null {
    const path = join(this.dir, jobsFile);
    if (this.#store === null && !this.#stopping.signal.aborted && existsSync(path)) this.#store = JobStore.open(path);
    return this.#store;
  }

  async #made(): Promise<JobStore> {
    try {
      await makeFolder(this.dir);
    } catch (error) {
      throw new AutobirdError('jobs_unavailable', `The folder of jobs cannot be made: ${(error as Error).message}`);
    }
    this.#store ??= JobStore.open(join(this.dir, jobsFile));
    return this.#store;
  }

  /** Deletes the recordings of a job as soon as no attempt needs them. */
  async #tidy(job: Job, hasSucceeded: boolean): Promise<void> {
    const now = this.get(job.id);
    if (now === null || now.status === 'cancelled') return await this.#remove(job.id);
    if (!hasSucceeded) {
      await Promise.all(resultFormats.map((format) => rm(resultPath(this.dir, job, format), { force: true })));
    }
    if (now.status === 'succeeded' || now.status === 'failed') {
      await Promise.all(
        job.request.files.map((_file, index) => rm(recordingPath(this.dir, job.id, index), { force: true })),
      );
    }
  }

  async #remove(id: string): Promise<void> {
    await rm(join(this.dir, id), { recursive: true, force: true });
  }

  async #sweep(): Promise<void> {
    try {
      const store = this.#existing();
      if (store === null) return;
      for (const id of store.deleteFinished(new Date(Date.now() - this.retentionMs))) await this.#remove(id);
      await removeAbandoned(this.dir, (id) => store.get(id) !== null);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#logger.warn({ err: error }, 'Old jobs were not deleted');
    }
  }
}
