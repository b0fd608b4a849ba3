/** The prediction log as the drift service sees it: read only, while another process writes it. */
import { existsSync } from 'node:fs';
import Database from 'libsql';
import { AutobirdError } from '../../src/index.ts';
import type { LogFilter, LoggedDriftRow } from '../predictionLog/entry.ts';
import { whereOf } from '../predictionLog/whereOf.ts';

/** Where rows come from: SQLite here, or whatever else keeps them and gives them as `PredictionLog.driftRows` does. */
export interface DriftRowSource {
  /** The recordings that were heard, newest last; at most `limit`, the newest ones. */
  driftRows(filter: LogFilter, limit: number): readonly LoggedDriftRow[] | Promise<readonly LoggedDriftRow[]>;
  close(): void;
}

export class LogReader implements DriftRowSource {
  readonly #database: Database.Database;
  readonly #path: string;

  private constructor(database: Database.Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** @throws AutobirdError `no_log` where there is none yet, `log_unavailable` where it cannot be read */
  static open(path: string): LogReader {
    if (!existsSync(path)) {
      throw new AutobirdError(
        'no_log',
        `There is no prediction log at ${path} yet: start the inference service with the same service.log.path`,
      );
    }
    try {
      const database = new Database(path, { readonly: true });
      database.exec('PRAGMA busy_timeout = 5000');
      return new LogReader(database, path);
    } catch (error) {
      throw unavailable(path, error);
    }
  }

  driftRows(filter: LogFilter, limit: number): LoggedDriftRow[] {
    const { sql, values } = whereOf(filter, ['shadow = 0', 'mel_mean IS NOT NULL']);
    const rows = this.#all(
      `SELECT time_ms, label, score, mel_mean, mel_std, energy_mean, energy_std FROM predictions ${sql} ORDER BY time_ms DESC, id DESC LIMIT ?`,
      [...values, limit],
    );
    return rows.reverse().map((row) => ({
      time: new Date(row['time_ms'] as number),
      target: row['label'] as string | null,
      confidence: row['score'] as number,
      melMean: row['mel_mean'] as number,
      melStd: row['mel_std'] as number,
      energyMean: row['energy_mean'] as number,
      energyStd: row['energy_std'] as number,
    }));
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, values: readonly (string | number)[]): Readonly<Record<string, number | string | null>>[] {
    try {
      return this.#database.prepare(sql).all(...values) as Readonly<Record<string, number | string | null>>[];
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }
}

function unavailable(path: string, error: unknown): AutobirdError {
  return new AutobirdError('log_unavailable', `The prediction log ${path} cannot be read: ${(error as Error).message}`);
}
