import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { startThread } from '../startThread.ts';
import type { LogFilter, LoggedDriftRow } from './entry.ts';
import type { LoggedPage, LogPage } from './LogReader.ts';
import type { Fed } from './LogWork.ts';
import type { LogCall, LogMessage, LogMethod, LogThreadData } from './logThread.ts';

// The same file beside the sources and beside what is built from them.
const threadModule = new URL(`./logThread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** After this pause a thread that could not be started is tried again; it doubles each time. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

/** A {@link LogWork} on a thread: whatever it does, requests are served meanwhile. A thread that has died is started again. */
export class LogWorker {
  readonly #data: LogThreadData;
  readonly #onDeleted: (rows: number) => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  /** Why there is no thread. */
  #failure = new Error('its thread has ended');
  #starting: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #calls = 0;
  #closed = false;

  private constructor(data: LogThreadData, onDeleted: (rows: number) => void) {
    this.#data = data;
    this.#onDeleted = onDeleted;
  }

  /** Resolves when the thread has opened the file: the driver aborts a process that ends meanwhile. */
  static async start(data: LogThreadData, onDeleted: (rows: number) => void): Promise<LogWorker> {
    const started = new LogWorker(data, onDeleted);
    await started.#start();
    return started;
  }

  page(filter: LogFilter, page: LogPage): Promise<LoggedPage> {
    return this.#call('page', { filter, page });
  }

  driftRows(filter: LogFilter, limit: number): Promise<LoggedDriftRow[]> {
    return this.#call('driftRows', { filter, limit });
  }

  delete(filter: LogFilter): Promise<number> {
    return this.#call('delete', filter);
  }

  fed(fed: Fed): Promise<void> {
    return this.#call('fed', fed);
  }

  /** Breaks off what it does, and ends it. Before the database is closed for good. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#starting;
    const worker = this.#worker;
    if (worker === null) return;
    const exit = once(worker, 'exit');
    await this.#call('close', undefined);
    worker.ref();
    await exit;
  }

  async #start(): Promise<void> {
    const worker = startThread(threadModule, this.#data);
    const exit = once(worker, 'exit').then(() => {
      throw new Error('its thread has ended');
    });
    await Promise.race([once(worker, 'message'), exit]);
    exit.catch((error) => this.#ended(error));
    worker.unref();
    worker.on('message', (message: LogMessage) => this.#received(worker, message));
    this.#worker = worker;
  }

  #restart(pauseMs: number): void {
    this.#starting = this.#start().catch((error) => {
      this.#failure = error;
      if (this.#closed) return;
      this.#retry = setTimeout(() => this.#restart(Math.min(2 * pauseMs, longestPauseMs)), pauseMs);
      this.#retry.unref();
    });
  }

  #call<T>(method: LogMethod, argument: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const worker = this.#worker;
      if (worker === null) throw this.#failure;
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      // Else a process with nothing else to do would leave before it is done.
      worker.ref();
      worker.postMessage({ id, method, argument } satisfies LogCall);
    });
  }

  #received(worker: Worker, message: LogMessage): void {
    if ('deleted' in message) {
      this.#onDeleted(message.deleted);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) worker.unref();
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result as never);
  }

  #ended(error: Error): void {
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (this.#closed) return;
    process.emitWarning(`The thread of the prediction log is started again: ${error.message}`);
    this.#restart(firstPauseMs);
  }
}
