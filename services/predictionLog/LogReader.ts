import type { LogFilter, LoggedDriftRow, LoggedPrediction } from './entry.ts';

/** What is read of a log and deleted from it, whether it is the file of one process or the rows of every replica. */
export interface LogReader {
  /**
   * Some rows by time. A page may be shorter than its limit, even empty, and not be the last: nobody is kept waiting for rows
   * that are hard to find, or for more scores than a page should hold.
   */
  page(filter: LogFilter, page: LogPage): Promise<LoggedPage>;

  /** The recordings that were predicted, newest last; at most `limit`, the newest ones. */
  driftRows(filter: LogFilter, limit: number): Promise<LoggedDriftRow[]>;

  /** Whether there is a row of recording `part` of a request. */
  has(requestId: string, part: number): boolean | Promise<boolean>;

  /** Deletes rows for good, their recordings and feedback; gives the number of rows. */
  delete(filter: LogFilter): Promise<number>;
}

/** A row's place in the order of time. */
export interface LogPlace {
  readonly timeMs: number;
  readonly id: number;
}

export interface LogPage {
  readonly limit: number;
  readonly order: 'ASC' | 'DESC';
  /** Where the page before ended. */
  readonly after?: LogPlace | undefined;
}

export interface LoggedPage {
  readonly rows: readonly LoggedPrediction[];
  /** Where the next page goes on; null after the last. */
  readonly next: LogPlace | null;
}

/** Rows of a page of an export. */
const exportedRows = 500;
/** Scores of a page: with the thousands of labels of a large model a few rows are many numbers. */
const maxScores = 50_000;

/** All rows, oldest first, a page at a time. */
export async function* eachPage(
  reader: Pick<LogReader, 'page'>,
  filter: LogFilter,
): AsyncGenerator<readonly LoggedPrediction[], void> {
  let after: LogPlace | undefined;
  for (;;) {
    const { rows, next } = await reader.page(filter, { limit: exportedRows, order: 'ASC', after });
    if (rows.length > 0) yield rows;
    if (next === null) return;
    after = next;
  }
}

/** As many rows as a page may have where models have up to `labels` labels. */
export function rowsWithin(limit: number, labels: number): number {
  return Math.max(1, Math.min(limit, Math.floor(maxScores / Math.max(1, labels))));
}

/** The rows that were found for a page of `limit`; `scannedTo` is where looking for more was given up, null where all was seen. */
export function loggedPage(rows: readonly LoggedPrediction[], limit: number, scannedTo: LogPlace | null): LoggedPage {
  const last = rows.at(-1);
  const isFull = rows.length === limit && last !== undefined;
  return { rows, next: isFull ? { timeMs: last.time.getTime(), id: last.id } : scannedTo };
}
