import type { Step, Tables } from '../database/tables.ts';

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

export const logTables: Tables = {
  name: 'log',
  title: 'prediction log',
  setting: 'service.log.path',
  counted: 'predictions',
  steps,
};
