/** The tables in PostgreSQL, step by step, in a schema of their own. A step that was released is never changed: later ones mend it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FormatError } from '../../../src/index.ts';

/** Any number that nobody else locks: replicas that start together take turns. */
const lockKey = 0x6175_746f;

/** `online`: outside a transaction, because it takes long and must hold up no replica. */
interface Step {
  readonly up: string;
  readonly online?: boolean;
  /** What makes the tables those of the step before; null where that was never released. */
  readonly down: string | null;
}

/** An interrupted attempt leaves an index that is not valid. */
const index = (name: string, on: string): Step => ({
  up: `DROP INDEX IF EXISTS autobird.${name}; CREATE INDEX CONCURRENTLY ${name} ON autobird.predictions ${on}`,
  online: true,
  down: `DROP INDEX IF EXISTS autobird.${name}`,
});

const steps: readonly Step[] = [
  {
    up: `
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
    down: null,
  },
  // Rows that a client or a restart repeats are one; those of before have no key.
  {
    up: `
  ALTER TABLE autobird.predictions ADD COLUMN place text, ADD COLUMN row_key text;
  CREATE UNIQUE INDEX predictions_key ON autobird.predictions (row_key) WHERE row_key IS NOT NULL`,
    down: 'ALTER TABLE autobird.predictions DROP COLUMN place, DROP COLUMN row_key',
  },
  // What the log is searched by, in the order of time.
  index('predictions_in_time', '(time, id)'),
  index('predictions_label', '(label, time, id)'),
  index('predictions_version', '(model_version, time, id)'),
  index('predictions_name', '(file_name, time, id)'),
  index('predictions_sha256', '(file_sha256, time, id)'),
  index('predictions_place', '(place, time, id) WHERE place IS NOT NULL'),
];

/** What this autobird writes, and the oldest version that it makes of the tables again. */
export const postgresVersion = steps.length;
export const oldestPostgresVersion = steps.findLastIndex(({ down }) => down === null) + 1;

/** Brings the database up to date, a step at a time. @throws FormatError `newer_log` for one of a newer autobird */
export async function migrate(client: pg.ClientBase, name: string): Promise<void> {
  // Most often there is nothing to do, and then no right to create anything is needed.
  if ((await versionOf(client, name)) === steps.length) return;
  await inTurn(client, async () => {
    for (let done = await versionOf(client, name); done < steps.length; done++) {
      const { up, online = false } = steps[done] as Step;
      const record = `INSERT INTO autobird.migrations (version) VALUES (${done + 1})`;
      if (!online)
        await withoutLimit(client, `BEGIN; ${done === 0 ? await firstTables(client) : ''}; ${up}; ${record}; COMMIT`);
      else for (const statement of [...up.split('; '), record]) await withoutLimit(client, statement);
    }
  });
}

/** Makes the tables those of an older version. */
export async function downgrade(client: pg.ClientBase, name: string, to: number): Promise<void> {
  await inTurn(client, async () => {
    for (let done = await versionOf(client, name); done > to; done--) {
      await withoutLimit(
        client,
        `BEGIN; ${steps[done - 1]?.down}; DELETE FROM autobird.migrations WHERE version = ${done}; COMMIT`,
      );
    }
  });
}

/** As long as it takes: the connection's own limit is for readers. */
async function withoutLimit(client: pg.ClientBase, text: string): Promise<void> {
  const config: pg.QueryConfig & { readonly query_timeout: number } = { text, query_timeout: 86_400_000 };
  await client.query(config);
}

async function inTurn(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('SET statement_timeout = 0');
  // Tried, not waited for: an index that is made online waits for all that waits.
  const tried = () => client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [lockKey]);
  while (!(await tried()).rows[0]?.mine) await sleep(100);
  try {
    await work();
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [lockKey]).catch(() => {});
    await client.query('RESET statement_timeout').catch(() => {});
  }
}

/** Whoever may use a schema that is there need not be allowed to create one. */
async function firstTables(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ found: boolean }>("SELECT to_regnamespace('autobird') IS NOT NULL AS found");
  return `${rows[0]?.found ? '' : 'CREATE SCHEMA autobird;'}
    CREATE TABLE autobird.migrations (version integer PRIMARY KEY, time timestamptz NOT NULL DEFAULT now())`;
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
      `The tables of PostgreSQL at ${name} were made by a newer autobird (format ${version}, this one knows ${steps.length}). The way back: autobird log downgrade --postgres --to ${steps.length} with the newer one, or another database`,
    );
  }
  return version;
}
