/**
 * The tables, step by step, each a transaction of its own: one that is killed goes on with the next. A step that was released
 * is never changed: later ones mend it. Its way back is what `autobird log downgrade` does.
 */
import type Database from 'libsql';
import { FormatError } from '../../src/index.ts';
import { transaction } from '../transaction.ts';

interface Step {
  readonly up: string;
  /** What makes the tables those of the step before; null where that was never released. */
  readonly down: string | null;
}

/** An older log that is about to be brought up to date. */
export interface Upgrade {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
}

const index = (name: string, column: string): Step => ({
  up: `CREATE INDEX predictions_${name} ON predictions (${column}, time_ms)`,
  down: `DROP INDEX predictions_${name}`,
});

const steps: readonly Step[] = [
  {
    up: `
  CREATE TABLE models (
    version TEXT PRIMARY KEY,
    labels TEXT NOT NULL
  );
  CREATE TABLE predictions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    part INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    route TEXT NOT NULL,
    file_name TEXT NOT NULL,
    file_sha256 TEXT NOT NULL,
    file_bytes INTEGER NOT NULL,
    duration_s REAL,
    model TEXT,
    model_version TEXT,
    shadow INTEGER NOT NULL,
    label TEXT,
    score REAL,
    scores BLOB,
    clips INTEGER NOT NULL,
    receive_ms REAL NOT NULL,
    predict_ms REAL NOT NULL,
    mel_mean REAL,
    mel_std REAL,
    energy_mean REAL,
    energy_std REAL,
    error_code TEXT
  );
  CREATE INDEX predictions_time ON predictions (time_ms);
  CREATE INDEX predictions_request ON predictions (request_id, part);
  CREATE INDEX predictions_file ON predictions (file_sha256);
  CREATE TABLE feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL,
    part INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    label TEXT,
    note TEXT
  );
  CREATE INDEX feedback_request ON feedback (request_id, part);
  CREATE TABLE audio (
    prediction_id INTEGER PRIMARY KEY REFERENCES predictions (id) ON DELETE CASCADE,
    content BLOB NOT NULL
  );
  `,
    down: null,
  },
  // Who this file is to a database that gathers the rows of many, and how long a recording was decoded.
  {
    up: `
  CREATE TABLE spool (instance_id TEXT NOT NULL, fed_id INTEGER NOT NULL DEFAULT 0);
  INSERT INTO spool (instance_id) VALUES (lower(hex(randomblob(16))));
  ALTER TABLE predictions ADD COLUMN decode_ms REAL;
  `,
    down: null,
  },
  {
    up: 'ALTER TABLE predictions ADD COLUMN place TEXT',
    down: 'ALTER TABLE predictions DROP COLUMN place',
  },
  // What the log is searched by, in the order of time.
  index('label', 'label'),
  index('version', 'model_version'),
  index('name', 'file_name'),
  index('sha256', 'file_sha256'),
  { up: 'DROP INDEX predictions_file', down: 'CREATE INDEX predictions_file ON predictions (file_sha256)' },
  {
    up: 'CREATE INDEX predictions_place ON predictions (place, time_ms) WHERE place IS NOT NULL',
    down: 'DROP INDEX predictions_place',
  },
];

/** What this autobird writes. */
export const logVersion = steps.length;

/** The oldest that it makes of a log again. */
export const oldestVersion = steps.findLastIndex(({ down }) => down === null) + 1;

/** How long a process waits for another one that does the same. */
const waitMs = 600_000;

export function versionOf(database: Database.Database): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Brings a database up to date. @throws FormatError `newer_log` for one of a newer autobird */
export function migrate(database: Database.Database, path: string, onUpgrade: (upgrade: Upgrade) => void): void {
  const from = versionOf(database);
  if (from > logVersion) {
    throw new FormatError(
      'newer_log',
      `The prediction log ${path} was written by a newer autobird (format ${from}, this one knows ${logVersion}). The way back: autobird log downgrade --to ${logVersion} with the newer one, or autobird log restore with a backup of before; or name another file (service.log.path)`,
    );
  }
  if (from === logVersion) return;
  if (from > 0) {
    const { rows } = database.prepare('SELECT count(*) AS rows FROM predictions').get() as { rows: number };
    onUpgrade({ from, to: logVersion, rows });
  }
  stepwise(database, () => {
    const done = versionOf(database);
    if (done >= logVersion) return false;
    database.exec(`${steps[done]?.up}; PRAGMA user_version = ${done + 1}`);
    return true;
  });
}

/** Makes the tables those of an older version: what they have no column for is lost. */
export function downgrade(database: Database.Database, to: number): void {
  stepwise(database, () => {
    const done = versionOf(database);
    if (done <= to) return false;
    database.exec(`${steps[done - 1]?.down}; PRAGMA user_version = ${done - 1}`);
    return true;
  });
}

/** One transaction a step, until `step` has nothing to do. Another process may be doing the same. */
function stepwise(database: Database.Database, step: () => boolean): void {
  const { timeout } = database.prepare('PRAGMA busy_timeout').get() as { timeout: number };
  database.exec(`PRAGMA busy_timeout = ${waitMs}`);
  while (transaction(database, step));
  database.exec(`PRAGMA busy_timeout = ${timeout}`);
}
