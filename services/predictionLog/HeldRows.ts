import type { LogEntry, RowSink } from './entry.ts';

/**
 * The rows of a request that is answered as a whole: they are written when it is. Where it fails, its client repeats all of
 * it, and only the rows that say what failed are written.
 */
export class HeldRows implements RowSink {
  readonly #log: RowSink;
  /** Null once they are let go. */
  #held: LogEntry[] | null = [];
  #answered = false;

  constructor(log: RowSink) {
    this.#log = log;
  }

  async append(entry: LogEntry): Promise<void> {
    if (this.#held !== null) this.#held.push(entry);
    else if (this.#answered || entry.errorCode !== null) await this.#log.append(entry);
  }

  /** Before the answer leaves. What comes later, a shadow model's row, is written at once. */
  async write(): Promise<void> {
    this.#answered = true;
    await this.#release(() => true);
  }

  /** There is no answer. */
  async drop(): Promise<void> {
    await this.#release(({ errorCode }) => errorCode !== null);
  }

  async #release(wanted: (entry: LogEntry) => boolean): Promise<void> {
    const rows = this.#held ?? [];
    this.#held = null;
    await Promise.all(rows.filter(wanted).map((entry) => this.#log.append(entry)));
  }
}

/** Runs `work` with rows that are held until it has ended. */
export async function withHeldRows<Result>(
  log: RowSink | null,
  work: (rows: RowSink | null) => Promise<Result>,
): Promise<Result> {
  if (log === null) return await work(null);
  const held = new HeldRows(log);
  try {
    const result = await work(held);
    await held.write();
    return result;
  } catch (error) {
    await held.drop();
    throw error;
  }
}
