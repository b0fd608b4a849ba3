/**
 * Every answer as a row, in SQLite. A row is handed to the operating system (WAL) before its answer leaves, together with
 * those of the same few milliseconds: a process that is killed loses nothing that was answered. No answer waits for a disk;
 * what the last seconds before a power failure brought may be lost, the file itself stays whole.
 */
import { mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import Database from 'libsql';
import { AutobirdError, FormatError } from '../../src/index.ts';
import { transaction } from '../transaction.ts';
import { Checkpointer } from './Checkpointer.ts';
import { driftRows } from './driftRows.ts';
import type { Feedback, LogEntry, LogFilter, LoggedDriftRow, LoggedPrediction } from './entry.ts';
import type { LogPage, LogReader } from './LogReader.ts';
import { migrate } from './migrations.ts';
import type { SpoolCursor } from './Spool.ts';
import { whereOf } from './whereOf.ts';

export interface PredictionLogOptions {
  readonly path: string;
  /** Rows older than this are deleted; null keeps all. Default null. */
  readonly retentionDays?: number | null;
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
/** How often old rows are looked for. */
const retentionEveryMs = 60_000;
/** Rows deleted at once: the thread that answers requests does it. */
const deletedAtOnce = 500;
const dayMs = 86_400_000;

export class PredictionLog implements LogReader {
  readonly #database: Database.Database;
  readonly #path: string;
  readonly #insert: Database.Statement;
  readonly #insertAudio: Database.Statement;
  readonly #insertModel: Database.Statement;
  readonly #knownModels = new Set<string>();
  readonly #checkpointer: Checkpointer;
  readonly #retentionTimer: NodeJS.Timeout | null;
  #rowCount: number;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #lastCommitAt = 0;
  #lastCommitMs = 0;
  #closed = false;
  #onRows = () => {};

  private constructor(database: Database.Database, { path, retentionDays = null }: PredictionLogOptions) {
    this.#database = database;
    this.#path = path;
    this.#insert = database.prepare(insertPrediction);
    this.#insertAudio = database.prepare('INSERT INTO audio (prediction_id, content) VALUES (?, ?)');
    this.#insertModel = database.prepare('INSERT OR IGNORE INTO models (version, labels) VALUES (?, ?)');
    this.#rowCount = (database.prepare('SELECT count(*) AS n FROM predictions').get() as { n: number }).n;
    this.#checkpointer = new Checkpointer(path);
    this.#retentionTimer =
      retentionDays === null ? null : setInterval(() => this.#dropOld(retentionDays), retentionEveryMs).unref();
    if (retentionDays !== null) this.#dropOld(retentionDays);
  }

  /** @throws FormatError `damaged_log` or `newer_log`; AutobirdError `log_unavailable` where the file cannot be opened */
  static open(options: PredictionLogOptions): PredictionLog {
    const { path } = options;
    let database: Database.Database | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true });
      database = new Database(path);
      // Before the first table, else it has no effect.
      database.exec('PRAGMA auto_vacuum = INCREMENTAL');
      database.exec('PRAGMA journal_mode = WAL');
      database.exec('PRAGMA synchronous = NORMAL');
      database.exec('PRAGMA busy_timeout = 5000');
      // What is deleted is overwritten: recordings hold voices and places.
      database.exec('PRAGMA secure_delete = ON');
      database.exec('PRAGMA foreign_keys = ON');
      // Copying the log into the file waits for the disk, so another thread does it.
      database.exec('PRAGMA wal_autocheckpoint = 0');
      migrate(database, path);
      return new PredictionLog(database, options);
    } catch (error) {
      database?.close();
      if (error instanceof AutobirdError) throw error;
      const { message } = error as Error;
      if (/malformed|not a database/.test(message)) {
        throw new FormatError(
          'damaged_log',
          `The prediction log ${path} is damaged (${message}): move it away and start again, or restore a copy`,
        );
      }
      throw new AutobirdError('log_unavailable', `The prediction log ${path} cannot be opened: ${message}`);
    }
  }

  /** Resolves when the row is in the operating system's hands. @throws AutobirdError `log_unavailable` */
  append(entry: LogEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // An idle log writes at once; a busy one gathers what a few milliseconds bring.
      const waitMs = this.#lastCommitAt + commitDelayMs - performance.now();
      if (waitMs > 0) setTimeout(() => this.#commit(), waitMs);
      else setImmediate(() => this.#commit());
    });
  }

  /** `listener` is called after rows or feedback were written. There is one. */
  set onRows(listener: () => void) {
    this.#onRows = listener;
  }

  /**
   * Keeps what somebody says was heard. `known`: the prediction is in another replica's log.
   *
   * @throws AutobirdError `not_found` where there is no such prediction
   */
  addFeedback({ requestId, part, label, note }: Feedback, known = false): void {
    this.#guarded(() => {
      if (!known && !this.has(requestId, part)) {
        throw new AutobirdError('not_found', `There is no prediction of request ${requestId}, recording ${part}`);
      }
      this.#database
        .prepare('INSERT INTO feedback (request_id, part, time_ms, label, note) VALUES (?, ?, ?, ?, ?)')
        .run(requestId, part, Date.now(), label, note);
    });
    this.#onRows();
  }

  has(requestId: string, part: number): boolean {
    const row = this.#guarded(() =>
      this.#database
        .prepare('SELECT 1 FROM predictions WHERE request_id = ? AND part = ? LIMIT 1')
        .get(requestId, part),
    );
    return row !== undefined;
  }

  /** Newest first. `before` is the id of the last row of the page before. */
  list(filter: LogFilter, { limit, before }: LogPage): LoggedPrediction[] {
    return this.#guarded(() => [...this.#rows(filter, 'DESC', limit, before)]);
  }

  /** Oldest first, a few thousand at a time. */
  *each(filter: LogFilter): Generator<LoggedPrediction[], void> {
    const pageRows = 2000;
    let after = 0;
    for (;;) {
      const rows = this.#guarded(() => [...this.#rows(filter, 'ASC', pageRows, after)]);
      if (rows.length > 0) yield rows;
      if (rows.length < pageRows) return;
      after = (rows.at(-1) as LoggedPrediction).id;
    }
  }

  /** The recordings that were heard, newest last; at most `limit`, the newest ones. */
  driftRows(filter: LogFilter, limit: number): LoggedDriftRow[] {
    return this.#guarded(() => driftRows(this.#database, filter, limit));
  }

  /** The recording of a row, null where it was not kept. */
  audio(id: number): Uint8Array | null {
    const row = this.#guarded(() =>
      this.#database.prepare('SELECT content FROM audio WHERE prediction_id = ?').get(id),
    );
    return row === undefined ? null : new Uint8Array((row as { content: ArrayBuffer }).content);
  }

  /**
   * Deletes rows, their recordings and what was said of them, and empties their place in the files: nothing of them can be
   * read there afterwards. Gives the number of rows.
   */
  delete(filter: LogFilter): number {
    let deleted = 0;
    for (;;) {
      const count = this.#guarded(() => this.#deleteSome(filter));
      deleted += count;
      if (count < deletedAtOnce) break;
    }
    if (deleted > 0) this.#scrub();
    return deleted;
  }

  /**
   * Forgets what another database has, up to the cursor: rows and feedback where `rows` says so, else only feedback of after
   * `afterFeedbackId` on predictions that are in other logs. Rows go a few at a time; true where there may be more.
   */
  forget(
    { predictionId, feedbackId }: SpoolCursor,
    { rows, afterFeedbackId }: { readonly rows: boolean; readonly afterFeedbackId: number },
  ): boolean {
    return this.#guarded(() => {
      if (!rows) {
        if (feedbackId === afterFeedbackId) return false;
        this.#database.prepare(deleteForeignFeedback).run(afterFeedbackId, feedbackId);
        return false;
      }
      const some = (table: string) => `DELETE FROM ${table} WHERE id IN
        (SELECT id FROM ${table} WHERE id <= ? ORDER BY id LIMIT ${deletedAtOnce})`;
      const feedback = this.#database.prepare(some('feedback')).run(feedbackId);
      const predictions = this.#database.prepare(some('predictions')).run(predictionId);
      this.#rowCount -= predictions.changes;
      return predictions.changes === deletedAtOnce || feedback.changes === deletedAtOnce;
    });
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
    this.#commit();
    this.#closed = true;
    if (this.#retentionTimer !== null) clearInterval(this.#retentionTimer);
    await this.#checkpointer.stop();
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#database.close();
  }

  #commit(): void {
    this.#scheduled = false;
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const begin = performance.now();
    try {
      if (this.#closed) throw new Error('it was closed');
      transaction(this.#database, () => {
        for (const { entry } of batch) this.#write(entry);
      });
    } catch (error) {
      // Those of this batch are not there.
      this.#knownModels.clear();
      const { message } = error as Error;
      const failure = new AutobirdError(
        'log_unavailable',
        `The prediction log ${this.#path} cannot be written: ${message}`,
      );
      for (const { reject } of batch) reject(failure);
      return;
    } finally {
      this.#lastCommitAt = performance.now();
      this.#lastCommitMs = this.#lastCommitAt - begin;
    }
    this.#rowCount += batch.length;
    for (const { resolve } of batch) resolve();
    this.#onRows();
  }

  #write(entry: LogEntry): void {
    const { modelVersion, labels, scores, driftFeatures, audio } = entry;
    if (modelVersion !== null && labels !== null && !this.#knownModels.has(modelVersion)) {
      this.#insertModel.run(modelVersion, JSON.stringify(labels));
      this.#knownModels.add(modelVersion);
    }
    const { lastInsertRowid } = this.#insert.run(
      entry.requestId,
      entry.part,
      entry.time.getTime(),
      entry.route,
      entry.fileName,
      entry.fileSha256,
      entry.fileBytes,
      entry.durationS,
      entry.model,
      modelVersion,
      entry.shadow ? 1 : 0,
      entry.label,
      entry.score,
      scores === null ? null : Buffer.from(scores.buffer, scores.byteOffset, scores.byteLength),
      entry.clips,
      entry.receiveMs,
      entry.predictMs,
      entry.decodeMs,
      driftFeatures?.melMean ?? null,
      driftFeatures?.melStd ?? null,
      driftFeatures?.energyMean ?? null,
      driftFeatures?.energyStd ?? null,
      entry.errorCode,
    );
    if (audio !== null) this.#insertAudio.run(lastInsertRowid, Buffer.from(audio));
  }

  *#rows(
    filter: LogFilter,
    order: 'ASC' | 'DESC',
    limit: number,
    from: number | undefined,
  ): Generator<LoggedPrediction> {
    const place = from === undefined ? [] : [order === 'ASC' ? 'id > ?' : 'id < ?'];
    const { sql, values } = whereOf(filter, place);
    const rows = this.#database
      .prepare(
        `SELECT ${selected} FROM predictions LEFT JOIN models ON version = model_version ${sql} ORDER BY id ${order} LIMIT ?`,
      )
      .all(...values, ...(from === undefined ? [] : [from]), limit) as Row[];
    for (const row of rows) yield fromRow(row);
  }

  #deleteSome(filter: LogFilter): number {
    const { sql, values } = whereOf(filter, []);
    const ids = this.#database
      .prepare(`SELECT id, request_id, part FROM predictions ${sql} ORDER BY id LIMIT ?`)
      .all(...values, deletedAtOnce) as { id: number; request_id: string; part: number }[];
    if (ids.length === 0) return 0;
    transaction(this.#database, () => {
      const prediction = this.#database.prepare('DELETE FROM predictions WHERE id = ?');
      const feedback = this.#database.prepare(
        'DELETE FROM feedback WHERE request_id = ?1 AND part = ?2 AND NOT EXISTS (SELECT 1 FROM predictions WHERE request_id = ?1 AND part = ?2)',
      );
      const audio = this.#database.prepare('DELETE FROM audio WHERE prediction_id = ?');
      for (const { id, request_id, part } of ids) {
        audio.run(id);
        prediction.run(id);
        feedback.run(request_id, part);
      }
    });
    this.#rowCount -= ids.length;
    return ids.length;
  }

  /** The write-ahead log still holds the old pages, and the file its free ones. */
  #scrub(): void {
    this.#guarded(() => {
      this.#database.exec('PRAGMA incremental_vacuum');
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    });
  }

  #dropOld(retentionDays: number): void {
    const until = new Date(Date.now() - retentionDays * dayMs);
    try {
      // A few at a time: requests are answered in between.
      if (this.#guarded(() => this.#deleteSome({ until })) === deletedAtOnce) {
        setTimeout(() => this.#dropOld(retentionDays), 50).unref();
      }
    } catch (error) {
      process.emitWarning(`Old predictions were not deleted: ${(error as Error).message}`);
    }
  }

  #guarded<T>(work: () => T): T {
    try {
      if (this.#closed) throw new Error('it was closed');
      return work();
    } catch (error) {
      if (error instanceof AutobirdError) throw error;
      throw new AutobirdError(
        'log_unavailable',
        `The prediction log ${this.#path} failed: ${(error as Error).message}`,
      );
    }
  }
}

const insertPrediction = `INSERT INTO predictions (
  request_id, part, time_ms, route, file_name, file_sha256, file_bytes, duration_s, model, model_version, shadow, label, score,
  scores, clips, receive_ms, predict_ms, decode_ms, mel_mean, mel_std, energy_mean, energy_std, error_code
) VALUES (${Array(23).fill('?').join(', ')})`;

const deleteForeignFeedback = `DELETE FROM feedback WHERE id > ? AND id <= ? AND NOT EXISTS
  (SELECT 1 FROM predictions WHERE predictions.request_id = feedback.request_id AND predictions.part = feedback.part)`;

const selected = `predictions.*, models.labels AS labels,
  (SELECT json_array(feedback.label) FROM feedback WHERE feedback.request_id = predictions.request_id
    AND feedback.part = predictions.part ORDER BY feedback.id DESC LIMIT 1) AS said`;

type Row = Readonly<Record<string, number | string | null>> & { readonly scores: ArrayBuffer | null };

function fromRow(row: Row): LoggedPrediction {
  const labels = row['labels'] === null ? null : (JSON.parse(row['labels'] as string) as string[]);
  const number = (key: string) => row[key] as number;
  const text = (key: string) => row[key] as string | null;
  return {
    id: number('id'),
    requestId: row['request_id'] as string,
    part: number('part'),
    time: new Date(number('time_ms')),
    route: row['route'] as string,
    fileName: row['file_name'] as string,
    fileSha256: row['file_sha256'] as string,
    fileBytes: number('file_bytes'),
    durationS: row['duration_s'] as number | null,
    model: text('model'),
    modelVersion: text('model_version'),
    shadow: row['shadow'] === 1,
    label: text('label'),
    score: row['score'] as number | null,
    scores: labels === null || row.scores === null ? null : scoresByLabel(labels, row.scores),
    clips: number('clips'),
    receiveMs: number('receive_ms'),
    predictMs: number('predict_ms'),
    decodeMs: row['decode_ms'] as number | null,
    driftFeatures:
      row['mel_mean'] === null
        ? null
        : {
            melMean: number('mel_mean'),
            melStd: number('mel_std'),
            energyMean: number('energy_mean'),
            energyStd: number('energy_std'),
          },
    errorCode: text('error_code'),
    trueLabel: row['said'] === null ? undefined : (JSON.parse(row['said'] as string) as [string | null])[0],
  };
}

function scoresByLabel(labels: readonly string[], bytes: ArrayBuffer): Record<string, number> {
  const view = new DataView(bytes);
  return Object.fromEntries(labels.map((label, index) => [label, view.getFloat32(4 * index, true)]));
}
