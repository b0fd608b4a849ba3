import type Database from 'libsql';
import type { LogFilter, LoggedDriftRow } from './entry.ts';
import { SqlQuery, sqlite } from './SqlQuery.ts';

/** What drift is computed from, of the file of one process: newest last; at most `limit`, the newest ones. */
export function driftRows(database: Database.Database, filter: LogFilter, limit: number): LoggedDriftRow[] {
  const query = new SqlQuery(sqlite);
  const where = query.where(filter, ['shadow = 0', 'mel_mean IS NOT NULL']);
  // By time: several processes may write one file, each a few milliseconds at once.
  const rows = database
    .prepare(
      `SELECT time_ms, label, score, mel_mean, mel_std, energy_mean, energy_std FROM predictions ${where} ORDER BY time_ms DESC, id DESC LIMIT ${query.bind(limit)}`,
    )
    .all(...query.values) as Readonly<Record<string, number | string | null>>[];
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
