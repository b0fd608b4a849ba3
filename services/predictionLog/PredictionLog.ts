/**
 * Every prediction as a row, in SQLite. A row is handed to the operating system (WAL) before its response leaves, together with
 * those of the same few milliseconds: a process that is killed loses nothing that was sent. Writing a row syncs no disk; where
 * the log's thread holds the file while it syncs (`LogWork`), rows wait for that one sync. What the last seconds before a power
 * failure brought may be lost, the file itself stays whole.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Database from 'libsql';
import { AutobirdError, FormatError } from '../../src/index.ts';
import { makeFolder } from '../../src/service.ts';
import { type Upgrade, upgrade } from '../database/tables.ts';
import { transaction } from '../database/transaction.ts';
import { type Column, columns, identity } from './columns.ts';
import type { Feedback, LogEntry, LogFilter, LoggedDriftRow, RowSink } from './entry.ts';
import type { LoggedPage, LogPage, LogReader } from './LogReader.ts';
import type { Fed } from './LogWork.ts';
import { LogWorker } from './LogWorker.ts';
import { logTables } from './logTables.ts';
import { openLogFile } from './openLogFile.ts';

export interface PredictionLogOptions {
  readonly path: string;
  /** Rows older than this are deleted; null keeps all. Default null. */
  readonly retentionDays?: number | null;
  /** Called before the tables of an older autobird are brought up to date, which takes seconds for a million rows. */
  readonly onUpgrade?: (upgrade: Upgrade) => void;
}

export interface LogStats {
  /** As this process knows: counted when it opened the log, and its own since then. */
  readonly rows: number;
  /** Of the file and its write-ahead log. */
  readonly bytes: number;
  /** Waiting to be written. */
  readonly pending: number;
  readonly lastCommitMs: number;
}

interface Waiting {
  readonly entry: LogEntry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Rows of one commit come from at most so long. */
const commitDelayMs = 5;
/** How long rows wait for another writer of the file, and how often they try. */
const busyWithinMs = 5000;
const busyPauseMs = 2;

export class PredictionLog implements LogReader, RowSink {
  readonly #database: Database.Database;
  readonly #path: string;
  /** Made once the tables are there. */
  #worker: LogWorker | null = null;
  readonly #insert: Database.Statement;
  readonly #insertAudio: Database.Statement;
  readonly #insertModel: Database.Statement;
  readonly #knownModels = new Set<string>();
  #rowCount: number;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #committing = Promise.resolve();
  #lastCommitAt = 0;
  #lastCommitMs = 0;
  #closed = false;
  #onRows = () => {};

  private constructor(database: Database.Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#rowCount = (database.prepare('SELECT count(*) AS n FROM predictions').get() as { n: number }).n;
    this.#insert = database.prepare(insertPrediction);
    this.#insertAudio = database.prepare('INSERT INTO audio (prediction_id, content) VALUES (?, ?)');
    this.#insertModel = database.prepare('INSERT OR IGNORE INTO models (version, labels) VALUES (?, ?)');
  }

  /**
   * Waits until the tables of an older autobird are brought up to date.
   *
   * @throws FormatError `damaged_log` or `newer_log`; AutobirdError `log_unavailable` where the file cannot be opened
   */
  static async open({
    path,
    retentionDays = null,
    onUpgrade = () => {},
  }: PredictionLogOptions): Promise<PredictionLog> {
    let database: Database.Database | undefined;
    try {
      await makeFolder(dirname(path));
      // Rows are tried again instead: the thread that serves requests must not wait.
      database = openLogFile(path, 0);
      upgrade(database, path, logTables, onUpgrade);
      const log = new PredictionLog(database, path);
      log.#worker = await LogWorker.start({ path, retentionDays }, (rows) => {
        log.#rowCount -= rows;
      });
      return log;
    } catch (error) {
      database?.close();
      if (error instanceof AutobirdError) throw error;
      const { message } = error as Error;
      if (/malformed|not a database/.test(message)) {
        throw new FormatError(
          'damaged_log',
          `The prediction log ${path} is damaged (${message}): move it away and start again, or restore a copy (autobird log restore)`,
        );
      }
      throw new AutobirdError('log_unavailable', `The prediction log ${path} cannot be opened: ${message}`);
    }
  }

  /** Resolves when the row is in the operating system's hands; one that is there already is written once. @throws AutobirdError `log_unavailable` */
  append(entry: LogEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      this.#schedule();
    });
  }

  /** `listener` is called after rows or feedback were written. There is one. */
  set onRows(listener: () => void) {
    this.#onRows = listener;
  }

  /**
   * Keeps what somebody says that a recording holds. `known`: the prediction is in another replica's log.
   *
   * @throws AutobirdError `not_found` where there is no such prediction
   */
  async addFeedback({ requestId, part, label, note }: Feedback, known = false): Promise<void> {
    await this.#guarded(async () => {
      if (!known && !this.has(requestId, part)) {
        throw new AutobirdError('not_found', `There is no prediction of request ${requestId}, recording ${part}`);
      }
      await this.#whenFree(() =>
        this.#database
          .prepare('INSERT INTO feedback (request_id, part, time_ms, label, note) VALUES (?, ?, ?, ?, ?)')
          .run(requestId, part, Date.now(), label, note),
      );
    });
    this.#onRows();
  }

  has(requestId: string, part: number): boolean {
    return (
      this.#database
        .prepare('SELECT 1 FROM predictions WHERE request_id = ? AND part = ? LIMIT 1')
        .get(requestId, part) !== undefined
    );
  }

  page(filter: LogFilter, page: LogPage): Promise<LoggedPage> {
    return this.#guarded((worker) => worker.page(filter, page));
  }

  driftRows(filter: LogFilter, limit: number): Promise<LoggedDriftRow[]> {
    return this.#guarded((worker) => worker.driftRows(filter, limit));
  }

  /**
   * Deletes rows, their recordings and feedback, a few at a time, and empties their place in the files: nothing of them can be
   * read there afterwards. Gives the number of rows.
   */
  delete(filter: LogFilter): Promise<number> {
    return this.#guarded((worker) => worker.delete(filter));
  }

  /**
   * Notes what another database has, and forgets it: rows and feedback where `rows` says so, else only feedback of after
   * `afterFeedbackId` on predictions that are in other logs.
   */
  fed(fed: Fed): Promise<void> {
    return this.#guarded((worker) => worker.fed(fed));
  }

  async stats(): Promise<LogStats> {
    const sizes = await Promise.all(
      ['', '-wal'].map(async (ending) => (await stat(`${this.#path}${ending}`).catch(() => null))?.size ?? 0),
    );
    const bytes = sizes.reduce((a, b) => a + b, 0);
    return { rows: this.#rowCount, bytes, pending: this.#waiting.length, lastCommitMs: this.#lastCommitMs };
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#commit();
    await this.#worker?.close();
    this.#database.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // An idle log writes at once; a busy one gathers what a few milliseconds bring.
    const waitMs = this.#lastCommitAt + commitDelayMs - performance.now();
    if (waitMs > 0) setTimeout(() => this.#commit(), waitMs);
    else setImmediate(() => this.#commit());
  }

  /** What waits, after what is being written. */
  #commit(): Promise<void> {
    this.#scheduled = false;
    const batch = this.#waiting;
    this.#waiting = [];
    if (batch.length > 0) this.#committing = this.#committing.then(() => this.#commitRows(batch));
    return this.#committing;
  }

  async #commitRows(batch: readonly Waiting[]): Promise<void> {
    const begin = performance.now();
    try {
      const written = await this.#whenFree(() =>
        transaction(this.#database, () => batch.filter(({ entry }) => this.#write(entry)).length),
      );
      this.#rowCount += written;
      for (const { resolve } of batch) resolve();
      this.#onRows();
    } catch (error) {
      // Those of this batch are not there.
      this.#knownModels.clear();
      const { message } = error as Error;
      const failure = new AutobirdError(
        'log_unavailable',
        `The prediction log ${this.#path} cannot be written: ${message}`,
      );
      for (const { reject } of batch) reject(failure);
    } finally {
      this.#lastCommitAt = performance.now();
      this.#lastCommitMs = this.#lastCommitAt - begin;
    }
  }

  /** Runs `work` when no other writer is in the way; nobody else waits meanwhile. */
  async #whenFree<Result>(work: () => Result): Promise<Result> {
    const until = performance.now() + busyWithinMs;
    for (;;) {
      try {
        return work();
      } catch (error) {
        if ((error as { code?: string }).code !== 'SQLITE_BUSY' || performance.now() > until) throw error;
        await sleep(busyPauseMs);
      }
    }
  }

  /** False where the row is there already. */
  #write(entry: LogEntry): boolean {
    const { modelVersion, labels, audio } = entry;
    if (modelVersion !== null && labels !== null && !this.#knownModels.has(modelVersion)) {
      this.#insertModel.run(modelVersion, JSON.stringify(labels));
      this.#knownModels.add(modelVersion);
    }
    const { lastInsertRowid, changes } = this.#insert.run(...columns.map((column) => stored(column, entry)));
    if (changes === 0) return false;
    if (audio !== null) this.#insertAudio.run(lastInsertRowid, Buffer.from(audio));
    return true;
  }

  async #guarded<T>(work: (worker: LogWorker) => Promise<T>): Promise<T> {
    try {
      if (this.#closed) throw new Error('it was closed');
      return await work(this.#worker as LogWorker);
    } catch (error) {
      if (error instanceof AutobirdError) throw error;
      throw new AutobirdError(
        'log_unavailable',
        `The prediction log ${this.#path} failed: ${(error as Error).message}`,
      );
    }
  }
}

const names = columns.map(({ name, kind }) => (kind === 'time' ? `${name}_ms` : name));
const places = names.map((_, index) => `?${index + 1}`);
const same = identity.map((name) => `${name} IS ?${names.indexOf(name) + 1}`).join(' AND ');
// Left to itself SQLite may look through all rows of one file.
const insertPrediction = `INSERT INTO predictions (${names.join(', ')}) SELECT ${places.join(', ')}
  WHERE NOT EXISTS (SELECT 1 FROM predictions INDEXED BY predictions_request WHERE ${same})`;

/** A value as SQLite holds it. */
function stored({ kind, value }: Column, entry: LogEntry): string | number | Buffer | null {
  const given = value(entry);
  if (given === null) return null;
  if (kind === 'time') return (given as Date).getTime();
  if (kind === 'boolean') return given ? 1 : 0;
  if (kind !== 'scores') return given as string | number;
  const { buffer, byteOffset, byteLength } = given as Float32Array<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}
