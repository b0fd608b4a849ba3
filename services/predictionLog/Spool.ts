/** A log's file as the place where rows wait for the database that gathers them: read in the order in which they were written. */
import type Database from 'libsql';
import { openLogFile } from './openLogFile.ts';

/** A row as it is stored: columns spell what `LogEntry` names in snake_case. */
export interface StoredRow {
  readonly id: number;
  readonly [column: string]: string | number | readonly number[] | null;
}

/** How far rows were fed: the id of the last one of each table. */
export interface SpoolCursor {
  readonly predictionId: number;
  readonly feedbackId: number;
}

export interface Backlog {
  /** Ids after the cursor; rows that were deleted in between are counted too. */
  readonly rows: number;
  /** When the oldest of them was written, ms since 1970; null without one. */
  readonly oldestMs: number | null;
}

export class Spool implements Disposable {
  readonly #database: Database.Database;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /** A connection of its own to the file of an open log: what is read here holds up no writer. */
  static open(path: string): Spool {
    const database = openLogFile(path, 5000);
    return new Spool(database);
  }

  /** Of the file: a service that is started again goes on where it was. */
  get instanceId(): string {
    return (this.#database.prepare('SELECT instance_id FROM spool').get() as { instance_id: string }).instance_id;
  }

  /** A new instance id, for a file that turned out to be an older copy of itself. */
  renew(instanceId: string): void {
    this.#database.prepare('UPDATE spool SET instance_id = ?').run(instanceId);
  }

  /** The last prediction that was fed, for figures: what counts is the cursor beside the fed rows. */
  get fedUpTo(): number {
    return (this.#database.prepare('SELECT fed_id FROM spool').get() as { fed_id: number }).fed_id;
  }

  /** The last ids that were ever given, deleted rows included. */
  lastIds(): SpoolCursor {
    const last = (table: string) =>
      (
        this.#database.prepare('SELECT seq FROM sqlite_sequence WHERE name = ?').get(table) as
          | { seq: number }
          | undefined
      )?.seq ?? 0;
    return { predictionId: last('predictions'), feedbackId: last('feedback') };
  }

  predictionsAfter(id: number, limit: number): StoredRow[] {
    const rows = this.#database
      .prepare('SELECT * FROM predictions WHERE id > ? ORDER BY id LIMIT ?')
      .all(id, limit) as (Omit<StoredRow, 'scores'> & { readonly id: number; readonly scores: ArrayBuffer | null })[];
    return rows.map((row) => ({
      ...row,
      scores: row.scores === null ? null : Array.from(new Float32Array(row.scores)),
    }));
  }

  /** Feedback on predictions up to `predictionId`, or on those in other logs: not on rows that still wait. */
  feedbackAfter(id: number, predictionId: number, limit: number): StoredRow[] {
    const rows = this.#database
      .prepare(
        `SELECT *, (SELECT min(id) FROM predictions WHERE predictions.request_id = feedback.request_id
           AND predictions.part = feedback.part) AS prediction_id FROM feedback WHERE id > ? ORDER BY id LIMIT ?`,
      )
      .all(id, limit) as StoredRow[];
    const waiting = rows.findIndex((row) => ((row['prediction_id'] as number | null) ?? 0) > predictionId);
    return waiting < 0 ? rows : rows.slice(0, waiting);
  }

  /** Labels as a JSON list. */
  models(versions: readonly string[]): { readonly version: string; readonly labels: string }[] {
    const model = this.#database.prepare('SELECT version, labels FROM models WHERE version = ?');
    return versions.flatMap((version) => {
      const row = model.get(version) as { version: string; labels: string } | undefined;
      return row === undefined ? [] : [row];
    });
  }

  /** The ids of those rows whose recordings were kept, with their bytes each. */
  audioSizes(ids: readonly number[]): { readonly id: number; readonly bytes: number }[] {
    const size = this.#database.prepare('SELECT length(content) AS bytes FROM audio WHERE prediction_id = ?');
    return ids.flatMap((id) => {
      const row = size.get(id) as { bytes: number } | undefined;
      return row === undefined ? [] : [{ id, bytes: row.bytes }];
    });
  }

  audio(id: number): Uint8Array {
    const { content } = this.#database.prepare('SELECT content FROM audio WHERE prediction_id = ?').get(id) as {
      content: ArrayBuffer;
    };
    return new Uint8Array(content);
  }

  backlog(predictionId: number): Backlog {
    const oldest = this.#database
      .prepare('SELECT time_ms FROM predictions WHERE id > ? ORDER BY id LIMIT 1')
      .get(predictionId) as { time_ms: number } | undefined;
    if (oldest === undefined) return { rows: 0, oldestMs: null };
    return { rows: this.lastIds().predictionId - predictionId, oldestMs: oldest.time_ms };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
