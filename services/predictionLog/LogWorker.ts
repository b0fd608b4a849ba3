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

/** A {@link LogWork} on a thread: whatever it does, requests are answered meanwhile. */
export class LogWorker {
  readonly #worker: Worker;
  readonly #onDeleted: (rows: number) => void;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #failure: Error | null = null;

  private constructor(worker: Worker, onDeleted: (rows: number) => void) {
    this.#worker = worker;
    this.#onDeleted = onDeleted;
    worker.on('message', (message: LogMessage) => this.#received(message));
    worker.on('error', (error) => this.#ended(error));
    worker.on('exit', () => this.#ended(new Error('its thread has ended')));
  }

  /** Resolves when the thread has opened the file: the driver aborts a process that ends meanwhile. */
  static async start(data: LogThreadData, onDeleted: (rows: number) => void): Promise<LogWorker> {
    const worker = startThread(threadModule, data);
    await once(worker, 'message');
    worker.unref();
    return new LogWorker(worker, onDeleted);
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
    if (this.#failure !== null) return;
    const exit = once(this.#worker, 'exit');
    await this.#call('close', undefined);
    this.#worker.ref();
    await exit;
  }

  #call<T>(method: LogMethod, argument: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) throw this.#failure;
      const id = this.#calls++;
      this.#waiting.set(id, { resolve, reject });
      // Else a process with nothing else to do would leave before it is done.
      this.#worker.ref();
      this.#worker.postMessage({ id, method, argument } satisfies LogCall);
    });
  }

  #received(message: LogMessage): void {
    if ('deleted' in message) {
      this.#onDeleted(message.deleted);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('error' in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.result as never);
  }

  #ended(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
