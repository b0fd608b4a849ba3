/** Runs jobs, a few at a time, and lets go of them in good order when the service stops. */
import type { FastifyBaseLogger } from 'fastify';
import { AutobirdError } from '../../src/index.ts';
import { problemResponse } from '../http/errors.ts';
import type { Job, JobProgress } from './Job.ts';
import type { JobMetrics } from './JobMetrics.ts';
import type { JobStore } from './JobStore.ts';

export interface JobRunnerOptions {
  /** Jobs at a time. */
  readonly concurrency: number;
  readonly maxAttempts: number;
  /** Of one attempt. */
  readonly deadlineS: number;
}

export interface JobWork {
  /** Does it; what it writes counts when it resolves and the job is still ours. @throws why the job failed */
  run(job: Job, call: { readonly signal: AbortSignal; onProgress(progress: JobProgress): void }): Promise<void>;
  /** Called after each attempt; deletes what the attempt has written unless it `hasSucceeded`. */
  tidy(job: Job, hasSucceeded: boolean): Promise<void>;
}

const heartbeatMs = 2000;
/** How often jobs of other processes, and of those that are gone, are looked for. */
const lookEveryMs = 1000;
/** How long to wait where there is no model, or no room. */
const pauseMs = 5000;

/** Not ours any more, or not now: no failure of the job. */
class Interrupted extends Error {}

const lost = 'it was cancelled, or another process has it';

export class JobRunner {
  readonly #store: () => JobStore | null;
  readonly #options: JobRunnerOptions;
  readonly #work: JobWork;
  readonly #metrics: JobMetrics;
  readonly #logger: FastifyBaseLogger;
  readonly #running = new Map<string, { readonly stop: AbortController; readonly ended: Promise<void> }>();
  readonly #timer: NodeJS.Timeout;
  #pausedUntil = 0;
  #stopped = false;

  /** @param store the jobs, null while there are none */
  constructor(
    store: () => JobStore | null,
    options: JobRunnerOptions,
    work: JobWork,
    metrics: JobMetrics,
    logger: FastifyBaseLogger,
  ) {
    this.#store = store;
    this.#options = options;
    this.#work = work;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#timer = setInterval(() => this.look(), lookEveryMs).unref();
    this.look();
  }

  /** Looks for jobs now. */
  look(): void {
    try {
      while (!this.#stopped && this.#running.size < this.#options.concurrency && Date.now() >= this.#pausedUntil) {
        const store = this.#store();
        const job = store?.claim(this.#options.maxAttempts, (old) => void this.#tidy(old, false)) ?? null;
        if (store === null || job === null) return;
        const stop = new AbortController();
        const ended = this.#run(store, job, stop).finally(() => {
          this.#running.delete(job.id);
          setImmediate(() => this.look());
        });
        this.#running.set(job.id, { stop, ended });
      }
    } catch (error) {
      this.#pausedUntil = Date.now() + pauseMs;
      this.#logger.error({ err: error }, 'Looking for jobs failed');
    }
  }

  /** Stops a job that runs here; resolves when nothing of it goes on. */
  async cancel(id: string): Promise<void> {
    const running = this.#running.get(id);
    running?.stop.abort(new Interrupted('it was cancelled'));
    await running?.ended;
  }

  /** Gives back what runs here, for the next process to begin again. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    const all = [...this.#running.values()];
    for (const { stop } of all) stop.abort(new Interrupted('the service stops'));
    await Promise.all(all.map(({ ended }) => ended));
  }

  async #run(store: JobStore, job: Job, stop: AbortController): Promise<void> {
    const { deadlineS } = this.#options;
    const { id, attempts } = job;
    const log = this.#logger.child({ job: id, requestId: job.request.requestId, attempt: attempts });
    let progress: JobProgress = job.progress;
    const heartbeat = setInterval(() => {
      try {
        if (!store.renew(job, progress)) stop.abort(new Interrupted(lost));
      } catch (error) {
        // The lease is long: the next beat may succeed.
        log.warn({ err: error }, 'A job could not be renewed');
      }
    }, heartbeatMs);
    const deadline = setTimeout(() => {
      const message = `Not done within ${deadlineS} s (service.jobs.deadline_s): send a shorter recording`;
      stop.abort(new AutobirdError('deadline_exceeded', message));
    }, 1000 * deadlineS);
    log.info('Job begun');
    let hasSucceeded = false;
    try {
      await this.#work.run(job, {
        signal: stop.signal,
        onProgress: (step) => {
          this.#metrics.audioS.inc(Math.max(0, step.doneS - progress.doneS));
          progress = step;
        },
      });
      store.renew(job, progress);
      if (!store.finish(job, 'succeeded', null)) throw new Interrupted(lost);
      hasSucceeded = true;
      this.#metrics.ended.inc({ outcome: 'succeeded' });
      log.info('Job succeeded');
    } catch (error) {
      this.#failed(store, job, stop.signal.aborted ? stop.signal.reason : error, log);
    } finally {
      clearInterval(heartbeat);
      clearTimeout(deadline);
      await this.#tidy(job, hasSucceeded);
    }
  }

  async #tidy(job: Job, hasSucceeded: boolean): Promise<void> {
    await this.#work.tidy(job, hasSucceeded).catch((error) => {
      this.#logger.warn({ err: error, job: job.id }, 'Files of a job were not removed');
    });
  }

  #failed(store: JobStore, job: Job, error: unknown, log: FastifyBaseLogger): void {
    const { status, body, retryAfterS = 0 } = problemResponse(error);
    const interrupted = error instanceof Interrupted || status === 503;
    this.#metrics.ended.inc({ outcome: interrupted ? 'interrupted' : 'failed' });
    try {
      if (error instanceof Interrupted) {
        store.release(job);
        log.info({ reason: error.message }, 'Job interrupted');
      } else if (status === 503) {
        // No model, no room, no log: the job can do nothing for it.
        this.#pausedUntil = Date.now() + Math.max(pauseMs, 1000 * retryAfterS);
        store.release(job);
        log.warn({ err: error }, 'Job put back');
      } else {
        const message = status === 500 ? 'Something went wrong in the service' : (error as Error).message;
        store.finish(job, 'failed', { code: body.code, message });
        log[status === 500 ? 'error' : 'warn']({ err: error }, 'Job failed');
      }
    } catch (failure) {
      // Its lease ends by itself, and it begins again.
      log.error({ err: failure }, 'What became of a job could not be written');
    }
  }
}
