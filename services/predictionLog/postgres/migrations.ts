/** The tables in PostgreSQL, step by step, in a schema of their own. A step that was released is never changed: later ones mend it. */
import type pg from 'pg';
import { FormatError } from '../../../src/index.ts';

/** Any number that nobody else locks: replicas that start together take turns. */
const lockKey = 0x6175_746f;

const steps: readonly string[] = [
  `
  CREATE TABLE autobird.instances (
    id text PRIMARY KEY,
    seen_at timestamptz NOT NULL DEFAULT now(),
    prediction_id bigint NOT NULL DEFAULT 0,
    feedback_id bigint NOT NULL DEFAULT 0,
    deletion_id bigint NOT NULL DEFAULT 0
  );
  CREATE TABLE autobird.models (
    version text PRIMARY KEY,
    labels text[] NOT NULL
  );
  CREATE TABLE autobird.predictions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text NOT NULL,
    spool_id bigint NOT NULL,
    request_id text NOT NULL,
    part integer NOT NULL,
    time timestamptz NOT NULL,
    route text NOT NULL,
    file_name text NOT NULL,
    file_sha256 text NOT NULL,
    file_bytes bigint NOT NULL,
    duration_s double precision,
    model text,
    model_version text,
    shadow boolean NOT NULL,
    label text,
    score double precision,
    scores real[],
    clips integer NOT NULL,
    receive_ms double precision NOT NULL,
    predict_ms double precision NOT NULL,
    decode_ms double precision,
    mel_mean double precision,
    mel_std double precision,
    energy_mean double precision,
    energy_std double precision,
    error_code text,
    UNIQUE (instance_id, spool_id)
  );
  CREATE INDEX predictions_time ON autobird.predictions (time);
  CREATE INDEX predictions_request ON autobird.predictions (request_id, part);
  CREATE INDEX predictions_file ON autobird.predictions (file_sha256);
  CREATE TABLE autobird.feedback (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text NOT NULL,
    spool_id bigint NOT NULL,
    request_id text NOT NULL,
    part integer NOT NULL,
    time timestamptz NOT NULL,
    label text,
    note text,
    UNIQUE (instance_id, spool_id)
  );
  CREATE INDEX feedback_request ON autobird.feedback (request_id, part);
  CREATE TABLE autobird.audio (
    prediction_id bigint PRIMARY KEY REFERENCES autobird.predictions (id) ON DELETE CASCADE,
    content bytea NOT NULL
  );
  CREATE TABLE autobird.deletions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    filter jsonb NOT NULL
  );
  `,
];

/** Brings the database up to date. @throws FormatError `newer_log` for one of a newer autobird */
export async function migrate(client: pg.ClientBase, name: string): Promise<void> {
  // Most often there is nothing to do, and then no right to create anything is needed.
  if ((await versionOf(client, name)) === steps.length) return;
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
    const done = await versionOf(client, name);
    if (done === 0) {
      // Whoever may use a schema that is there need not be allowed to create one.
      const { rows } = await client.query<{ found: boolean }>(
        "SELECT to_regnamespace('autobird') IS NOT NULL AS found",
      );
      if (!rows[0]?.found) await client.query('CREATE SCHEMA autobird');
      await client.query(
        'CREATE TABLE autobird.migrations (version integer PRIMARY KEY, time timestamptz NOT NULL DEFAULT now())',
      );
    }
    for (const [index, step] of steps.entries()) {
      if (index < done) continue;
      await client.query(step);
      await client.query('INSERT INTO autobird.migrations (version) VALUES ($1)', [index + 1]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** 0 for a database without our tables. */
async function versionOf(client: pg.ClientBase, name: string): Promise<number> {
  // Not to_regclass: it may remember from before the lock that there was none.
  const { rows: tables } = await client.query(
    "SELECT 1 FROM pg_tables WHERE schemaname = 'autobird' AND tablename = 'migrations'",
  );
  if (tables.length === 0) return 0;
  const { rows } = await client.query<{ version: number }>('SELECT max(version) AS version FROM autobird.migrations');
  const version = rows[0]?.version ?? 0;
  if (version > steps.length) {
    throw new FormatError(
      'newer_log',
      `The tables of PostgreSQL at ${name} were made by a newer autobird (version ${version}, known is ${steps.length}): use that one, or another database`,
    );
  }
  return version;
}
