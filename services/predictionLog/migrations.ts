/** The tables, step by step. A step that was released is never changed: later ones mend it. */
import type Database from 'libsql';
import { FormatError } from '../../src/index.ts';
import { transaction } from '../transaction.ts';

const steps: readonly string[] = [
  `
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
  // Who this file is to a database that gathers the rows of many, and how long a recording was decoded.
  `
  CREATE TABLE spool (instance_id TEXT NOT NULL, fed_id INTEGER NOT NULL DEFAULT 0);
  INSERT INTO spool (instance_id) VALUES (lower(hex(randomblob(16))));
  ALTER TABLE predictions ADD COLUMN decode_ms REAL;
  `,
];

/** Brings a database up to date. @throws FormatError `newer_log` for one of a newer autobird */
export function migrate(database: Database.Database, path: string): void {
  const version = () => (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version() > steps.length) {
    throw new FormatError(
      'newer_log',
      `The prediction log ${path} was written by a newer autobird (version ${version()}, known is ${steps.length}): use that one, or another file`,
    );
  }
  if (version() === steps.length) return;
  // Another process may be doing the same.
  transaction(database, () => {
    for (let done = version(); done < steps.length; done++) database.exec(steps[done] as string);
    database.exec(`PRAGMA user_version = ${steps.length}`);
  });
}
