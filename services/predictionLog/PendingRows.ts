import type { LogEntry, RowSink } from './entry.ts';

/**
 * The rows of a request that succeeds or fails as a whole: they are pending until it does. Where it fails, its client repeats all
 * of it, and only the rows that say what failed are written.
 */
class PendingRows implements RowSink {
  readonly #log: RowSink;
  /** Null once the request has ended. */
  #pending: LogEntry[] | null = [];
  #hasSucceeded = false;

  constructor(log: RowSink) {
    this.#log = log;
  }

  async append(entry: LogEntry): Promise<void> {
    if (this.#pending !== null) this.#pending.push(entry);
    // A shadow model's row comes after the response.
    else if (this.#hasSucceeded || entry.errorCode !== null) await this.#log.append(entry);
  }

  async end(hasSucceeded: boolean): Promise<void> {
    const rows = this.#pending ?? [];
    this.#pending = null;
    this.#hasSucceeded = hasSucceeded;
    const written = rows.filter(({ errorCode }) => hasSucceeded || errorCode !== null);
    await Promise.all(written.map((entry) => this.#log.append(entry)));
  }
}

/** Runs the `work` of a request whose rows are written when it has ended, before the response is sent. */
export async function withPendingRows<Result>(
  log: RowSink | null,
  work: (rows: RowSink | null) => Promise<Result>,
): Promise<Result> {
  if (log === null) return await work(null);
  const pending = new PendingRows(log);
  try {
    const result = await work(pending);
    await pending.end(true);
    return result;
  } catch (error) {
    await pending.end(false);
    throw error;
  }
}
