/**
 * What takes long in the file of a log, done on a thread of its own (logThread.ts): pages, deletions, checkpoints. Deletions
 * hold the file's lock for a few milliseconds at a time and rest as long, so that rows are written in between.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type Database from 'libsql';
import { transaction } from '../database/transaction.ts';
import { readRow, scoresByLabel } from './columns.ts';
import { driftRows } from './driftRows.ts';
import type { LogFilter, LoggedDriftRow, LoggedPrediction } from './entry.ts';
import { type LoggedPage, type LogPage, loggedPage, rowsWithin } from './LogReader.ts';
import type { SpoolCursor } from './Spool.ts';
import { SqlQuery, scannedRows, sqlite } from './SqlQuery.ts';

const checkpointEveryMs = 1000;
/** How often old rows are looked for. */
const retentionEveryMs = 60_000;
/** How long a deletion holds the lock at once, about. */
const lockMs = 5;
const maxDeletedAtOnce = 500;
/** Free pages that are given back at once. */
const vacuumedPages = 50;
/** How long a deletion waits for readers of the write-ahead log; then the checkpoints that follow empty it. */
const emptyWithinMs = 2000;
const dayMs = 86_400_000;

export interface LogWorkOptions {
  readonly retentionDays: number | null;
  /** Called after rows were deleted. */
  readonly onDeleted: (rows: number) => void;
}

export interface Fed extends SpoolCursor {
  /** Rows of the file go too, else only feedback on predictions of other logs. */
  readonly rows: boolean;
  readonly afterFeedbackId: number;
}

export class LogWork {
  readonly #database: Database.Database;
  readonly #options: LogWorkOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  #deletedAtOnce = 50;
  /** Something deleted may still be in the write-ahead log; of a process or thread before this one too. */
  #mustEmpty = true;
  /** Rows were deleted: the write-ahead log is begun anew, else it grows by some 100 MB a second until all is deleted. */
  #mustRestart = false;
  /** As {@link #newestChange} was before the last time that all was copied. */
  #copiedChange: number | null = null;
  #closed = false;

  constructor(database: Database.Database, options: LogWorkOptions) {
    this.#database = database;
    this.#options = options;
    const { retentionDays } = options;
    this.#timers = [
      setInterval(() => this.#checkpoint(), checkpointEveryMs),
      ...(retentionDays === null ? [] : [setInterval(() => void this.#dropOld(retentionDays), retentionEveryMs)]),
    ];
    if (retentionDays !== null) void this.#dropOld(retentionDays);
  }

  page({ filter, page: requested }: { readonly filter: LogFilter; readonly page: LogPage }): LoggedPage {
    const { most } = this.#database.prepare('SELECT max(json_array_length(labels)) AS most FROM models').get() as {
      most: number | null;
    };
    const page = { ...requested, limit: rowsWithin(requested.limit, most ?? 0) };
    const query = new SqlQuery(sqlite);
    const { from, orderBy } = query.page(filter, page);
    const found = this.#database
      .prepare(`SELECT predictions.*, ${joined} FROM ${from} AS predictions ${labelsJoined} ${orderBy}`)
      .all(...query.values) as Row[];
    const texts = new Set(found.map((row) => row['labels']));
    const labels = new Map([...texts].map((text) => [text, parsedLabels(text)]));
    const rows = found.map((row) => fromRow(row, labels.get(row['labels']) ?? null));
    return loggedPage(rows, page.limit, rows.length < page.limit ? this.#scannedTo(filter, page) : null);
  }

  driftRows({ filter, limit }: { readonly filter: LogFilter; readonly limit: number }): LoggedDriftRow[] {
    return driftRows(this.#database, filter, limit);
  }

  /** Rows with their recordings and feedback; nothing of them can be read in the files afterwards. */
  async delete(filter: LogFilter): Promise<number> {
    let deleted = 0;
    let after: { readonly timeMs: number; readonly id: number } | undefined;
    for (;;) {
      const query = new SqlQuery(sqlite);
      const others =
        after === undefined ? [] : [`(time_ms, id) > (${query.bind(after.timeMs)}, ${query.bind(after.id)})`];
      const rows = this.#database
        .prepare(
          `SELECT id, time_ms, request_id, part FROM predictions ${query.where(filter, others)} ORDER BY time_ms, id LIMIT ${this.#deletedAtOnce}`,
        )
        .all(...query.values) as DeletedRow[];
      if (rows.length === 0) break;
      const last = rows.at(-1) as DeletedRow;
      after = { timeMs: last.time_ms, id: last.id };
      await this.#briefly(() => {
        const prediction = this.#database.prepare('DELETE FROM predictions WHERE id = ?');
        const hasFeedback = this.#database.prepare('SELECT 1 FROM feedback LIMIT 1').get() !== undefined;
        const feedback = this.#database.prepare(
          'DELETE FROM feedback WHERE request_id = ?1 AND part = ?2 AND NOT EXISTS (SELECT 1 FROM predictions WHERE request_id = ?1 AND part = ?2)',
        );
        for (const { id, request_id, part } of rows) {
          prediction.run(id);
          if (hasFeedback) feedback.run(request_id, part);
        }
      });
      deleted += rows.length;
      this.#options.onDeleted(rows.length);
    }
    if (deleted > 0) await this.#scrub();
    return deleted;
  }

  /** Notes how far rows were fed to the database that gathers them, and deletes what is there. */
  async fed({ predictionId, feedbackId, rows, afterFeedbackId }: Fed): Promise<void> {
    this.#database.prepare('UPDATE spool SET fed_id = ?').run(predictionId);
    this.#copiedChange = null;
    if (!rows) {
      if (feedbackId !== afterFeedbackId)
        this.#database.prepare(deleteForeignFeedback).run(afterFeedbackId, feedbackId);
      return;
    }
    for (const [table, upTo] of [
      ['feedback', feedbackId],
      ['predictions', predictionId],
    ] as const) {
      const some = this.#database.prepare(
        `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE id <= ? ORDER BY id LIMIT ?)`,
      );
      for (let changes = 1; changes > 0; ) {
        changes = await this.#briefly(() => some.run(upTo, this.#deletedAtOnce).changes);
        if (table === 'predictions' && changes > 0) this.#options.onDeleted(changes);
      }
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#checkpoint();
    this.#database.close();
  }

  /** One transaction of a deletion, then a rest as long as it took. */
  async #briefly<Result>(work: () => Result): Promise<Result> {
    const begin = performance.now();
    const result = transaction(this.#database, work);
    this.#mustRestart = true;
    const tookMs = performance.now() - begin;
    const wanted = this.#deletedAtOnce * (lockMs / Math.max(tookMs, 0.1));
    this.#deletedAtOnce = Math.max(5, Math.min(maxDeletedAtOnce, Math.round((this.#deletedAtOnce + wanted) / 2)));
    await sleep(Math.max(1, tookMs));
    if (this.#closed) throw new Error('it was closed');
    return result;
  }

  /** Gives the free pages of the file back, and empties the write-ahead log, which still holds the old ones. */
  async #scrub(): Promise<void> {
    const free = this.#database.prepare('PRAGMA freelist_count');
    for (let left = Number.POSITIVE_INFINITY; ; ) {
      const { freelist_count: count } = free.get() as { freelist_count: number };
      // Where it does not shrink the file was made without auto_vacuum.
      if (count === 0 || count >= left) break;
      left = count;
      const begin = performance.now();
      this.#database.exec(`PRAGMA incremental_vacuum(${vacuumedPages})`);
      await sleep(Math.max(1, performance.now() - begin));
    }
    this.#mustEmpty = true;
    const until = performance.now() + emptyWithinMs;
    while (this.#mustEmpty && performance.now() < until && !this.#closed) {
      this.#checkpoint();
      await sleep(10);
    }
  }

  /** Copies the write-ahead log into the file, without the writers' way; where it must be emptied it is, if nobody reads it. */
  #checkpoint(): void {
    try {
      const change = this.#newestChange();
      if (change === this.#copiedChange && !this.#mustEmpty && !this.#mustRestart) return;
      // The long part holds no lock.
      const { log, checkpointed } = this.#database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as {
        log: number;
        checkpointed: number;
      };
      if (this.#mustEmpty || this.#mustRestart) {
        this.#database.exec('PRAGMA busy_timeout = 0');
        const mode = this.#mustEmpty ? 'TRUNCATE' : 'RESTART';
        const { busy } = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as { busy: number };
        if (busy !== 0) return;
        this.#mustEmpty = false;
        this.#mustRestart = false;
      } else if (checkpointed < log) return;
      this.#copiedChange = change;
      // Later, so that a service that stops does not wait for it.
      setImmediate(() => this.#beginAnew());
    } catch {
      // Busy, or the disk is full: the writer says so where it matters.
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${waitMs}`);
    }
  }

  /** The first write after all was copied waits for the disk. It is one of this thread's, so that it holds up no request. */
  #beginAnew(): void {
    if (this.#closed) return;
    try {
      this.#database.exec('PRAGMA busy_timeout = 0');
      // A row that stays as it was; equal values alone would not be written.
      const write = 'UPDATE spool SET fed_id = fed_id + 1; UPDATE spool SET fed_id = fed_id - 1';
      transaction(this.#database, () => this.#database.exec(write));
    } catch {
      // Busy: somebody else has begun.
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${waitMs}`);
    }
  }

  /** Another number after each change of another connection. */
  #newestChange(): number {
    return (this.#database.prepare('PRAGMA data_version').get() as { data_version: number }).data_version;
  }

  async #dropOld(retentionDays: number): Promise<void> {
    try {
      await this.delete({ until: new Date(Date.now() - retentionDays * dayMs) });
    } catch (error) {
      if (!this.#closed) process.emitWarning(`Old predictions were not deleted: ${(error as Error).message}`);
    }
  }

  /** Where a page with several columns to look for stopped looking; null where it saw all rows. */
  #scannedTo(filter: LogFilter, page: LogPage): LoggedPage['next'] {
    const query = new SqlQuery(sqlite);
    const { scanned, rest } = query.scanned(filter, page, 'id, time_ms');
    if (rest === null) return null;
    const last = this.#database.prepare(`${scanned} LIMIT 1 OFFSET ${scannedRows - 1}`).get(...query.values) as
      | { readonly id: number; readonly time_ms: number }
      | undefined;
    return last === undefined ? null : { timeMs: last.time_ms, id: last.id };
  }
}

/** How long the thread waits for other writers. */
export const waitMs = 5000;

interface DeletedRow {
  readonly id: number;
  readonly time_ms: number;
  readonly request_id: string;
  readonly part: number;
}

const joined = `models.labels AS labels,
  (SELECT json_array(feedback.label) FROM feedback WHERE feedback.request_id = predictions.request_id
    AND feedback.part = predictions.part ORDER BY feedback.id DESC LIMIT 1) AS feedback`;
const labelsJoined = 'LEFT JOIN models ON version = model_version';

const deleteForeignFeedback = `DELETE FROM feedback WHERE id > ? AND id <= ? AND NOT EXISTS
  (SELECT 1 FROM predictions WHERE predictions.request_id = feedback.request_id AND predictions.part = feedback.part)`;

type Row = Readonly<Record<string, unknown>>;

function parsedLabels(labels: unknown): readonly string[] | null {
  return labels === null ? null : (JSON.parse(labels as string) as string[]);
}

function fromRow(row: Row, labels: readonly string[] | null): LoggedPrediction {
  const { feedback } = row;
  const trueLabel = feedback === null ? undefined : (JSON.parse(feedback as string) as [string | null])[0];
  return readRow(row, trueLabel, ({ name, kind }) => {
    if (kind === 'time') return new Date(row['time_ms'] as number);
    const value = row[name];
    if (kind === 'boolean') return value === 1;
    if (kind === 'scores') return scoresByLabel(labels, value === null ? null : new Float32Array(value as ArrayBuffer));
    return value;
  });
}
