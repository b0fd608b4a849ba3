/** The windows that were compared and the alarm they led to, in a small SQLite file: a restart goes on where it was. */
import { dirname } from 'node:path';
import type Database from 'libsql';
import { AutobirdError } from '../../src/index.ts';
import { makeFolder, type TrendPoint } from '../../src/service.ts';
import { openDatabase } from '../database/openDatabase.ts';
import { transaction } from '../database/transaction.ts';
import type { AlarmRecord } from './AlarmRecord.ts';
import type { Cursor } from './Evaluator.ts';

export interface StoredWindow {
  readonly point: TrendPoint;
  readonly end: Cursor;
  /** After this window. */
  readonly alarm: AlarmRecord;
}

/** What somebody is to be told of the alarm. */
export interface StoredNotice {
  readonly id: number;
  readonly atMs: number;
  /** JSON. */
  readonly body: string;
}

/** Raised when an older autobird would misread the file. */
const formatVersion = 1;

export class DriftState {
  readonly #database: Database.Database;
  readonly #keepWindows: number;

  private constructor(database: Database.Database, keepWindows: number) {
    this.#database = database;
    this.#keepWindows = keepWindows;
  }

  /** @throws AutobirdError `state_unavailable` where the file cannot be opened or is of a newer autobird */
  static async open(path: string, keepWindows: number): Promise<DriftState> {
    let database: Database.Database | undefined;
    try {
      await makeFolder(dirname(path));
      database = openDatabase(path, ['journal_mode = WAL']);
      const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
      if (version > formatVersion) throw new Error(`it was written by a newer autobird (version ${version})`);
      database.exec(`
        CREATE TABLE IF NOT EXISTS windows (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          series TEXT NOT NULL,
          end_ms INTEGER NOT NULL,
          end_rows INTEGER NOT NULL,
          point TEXT NOT NULL,
          alarm TEXT NOT NULL,
          UNIQUE (series, end_ms, end_rows)
        );
        CREATE TABLE IF NOT EXISTS notices (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          at_ms INTEGER NOT NULL,
          body TEXT NOT NULL
        );
        PRAGMA user_version = ${formatVersion};
      `);
      return new DriftState(database, keepWindows);
    } catch (error) {
      database?.close();
      throw new AutobirdError(
        'state_unavailable',
        `The file of the drift windows ${path} cannot be used (${(error as Error).message}): move it away, or set drift.monitor.state`,
      );
    }
  }

  /** The newest windows of a series, at most `limit`, the newest last. */
  windows(series: string, limit: number): StoredWindow[] {
    const rows = this.#database
      .prepare('SELECT end_ms, end_rows, point, alarm FROM windows WHERE series = ? ORDER BY id DESC LIMIT ?')
      .all(series, limit) as { end_ms: number; end_rows: number; point: string; alarm: string }[];
    return rows.reverse().map(({ end_ms: timeMs, end_rows: rows, point, alarm }) => ({
      point: JSON.parse(point) as TrendPoint,
      end: { timeMs, rows },
      alarm: JSON.parse(alarm) as AlarmRecord,
    }));
  }

  /**
   * Adds the next window, and with it what is to be told of it. A window that another process of the same file has added
   * already stays as it is, and is told once.
   */
  add(series: string, { point, end, alarm }: StoredWindow, notice: string | null): void {
    transaction(this.#database, () => {
      const { changes } = this.#database
        .prepare('INSERT OR IGNORE INTO windows (series, end_ms, end_rows, point, alarm) VALUES (?, ?, ?, ?, ?)')
        .run(series, end.timeMs, end.rows, JSON.stringify(point), JSON.stringify(alarm));
      if (changes > 0 && notice !== null) {
        this.#database.prepare('INSERT INTO notices (at_ms, body) VALUES (?, ?)').run(Date.now(), notice);
      }
      this.#database
        .prepare(
          'DELETE FROM windows WHERE series = ?1 AND id NOT IN (SELECT id FROM windows WHERE series = ?1 ORDER BY id DESC LIMIT ?2)',
        )
        .run(series, this.#keepWindows);
    });
  }

  /** Of those that were not delivered. */
  oldestNotice(): StoredNotice | null {
    const row = this.#database.prepare('SELECT id, at_ms, body FROM notices ORDER BY id LIMIT 1').get() as
      | { readonly id: number; readonly at_ms: number; readonly body: string }
      | undefined;
    return row === undefined ? null : { id: row.id, atMs: row.at_ms, body: row.body };
  }

  removeNotice(id: number): void {
    this.#database.prepare('DELETE FROM notices WHERE id = ?').run(id);
  }

  close(): void {
    this.#database.close();
  }
}
