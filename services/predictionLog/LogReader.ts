import type { LogFilter, LoggedDriftRow, LoggedPrediction } from './entry.ts';

/** What is read of a log and deleted from it, whether it is the file of one process or the rows of every replica. */
export interface LogReader {
  /** Newest first. `before` is the id of the last row of the page before. */
  list(filter: LogFilter, page: LogPage): LoggedPrediction[] | Promise<LoggedPrediction[]>;

  /** Oldest first, a page at a time. */
  each(filter: LogFilter): LoggedPages;

  /** The recordings that were heard, newest last; at most `limit`, the newest ones. */
  driftRows(filter: LogFilter, limit: number): LoggedDriftRow[] | Promise<LoggedDriftRow[]>;

  /** Whether recording `part` of a request was answered. */
  has(requestId: string, part: number): boolean | Promise<boolean>;

  /** Deletes rows for good, their recordings and what was said of them; gives the number of rows. */
  delete(filter: LogFilter): number | Promise<number>;
}

export interface LogPage {
  readonly limit: number;
  readonly before?: number | undefined;
}

export type LoggedPages = Iterable<LoggedPrediction[]> | AsyncIterable<LoggedPrediction[]>;
