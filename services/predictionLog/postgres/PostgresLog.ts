/** The rows of every replica as they are read and deleted, in PostgreSQL. */
import type pg from 'pg';
import { readRow, scoresByLabel } from '../columns.ts';
import type { LogFilter, LoggedDriftRow, LoggedPrediction } from '../entry.ts';
import { type LoggedPage, type LogPage, type LogReader, loggedPage, rowsWithin } from '../LogReader.ts';
import { postgres, SqlQuery, scannedRows } from '../SqlQuery.ts';
import { PostgresDatabase } from './PostgresDatabase.ts';

/** Rows that are deleted at once. */
const deletedAtOnce = 5000;
/** Any number that nobody else locks: ids of deletions must become visible in their order. */
const deletionLockKey = 0x6269_7264;

/** Every method throws AutobirdError `log_unavailable` where the database cannot be reached. */
export class PostgresLog implements LogReader {
  readonly #database: PostgresDatabase;

  protected constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /**
   * For those who only read. Connects when it is first needed.
   *
   * @throws InvalidArgumentError for what is no address of a PostgreSQL database
   */
  static connect(url: string): PostgresLog {
    return new PostgresLog(PostgresDatabase.open(url));
  }

  async page(filter: LogFilter, requested: LogPage): Promise<LoggedPage> {
    const [models] = await this.#database.query<{ most: number | null }>(
      'SELECT max(cardinality(labels)) AS most FROM autobird.models',
    );
    const page = { ...requested, limit: rowsWithin(requested.limit, models?.most ?? 0) };
    const query = new SqlQuery(postgres);
    const { from, orderBy } = query.page(filter, page);
    const found = await this.#database.query<Row>(
      `SELECT p.*, m.labels, f.label AS true_label, f.id IS NOT NULL AS has_feedback
       FROM ${from} AS p
       LEFT JOIN autobird.models m ON m.version = p.model_version
       LEFT JOIN LATERAL (SELECT id, label FROM autobird.feedback WHERE request_id = p.request_id AND part = p.part
         ORDER BY time DESC, id DESC LIMIT 1) f ON true
       ${orderBy.replace(/(time|id) /g, 'p.$1 ')}`,
      query.values,
    );
    const scannedTo = found.length < page.limit ? await this.#scannedTo(filter, page) : null;
    return loggedPage(found.map(fromRow), page.limit, scannedTo);
  }

  async driftRows(filter: LogFilter, limit: number): Promise<LoggedDriftRow[]> {
    const query = new SqlQuery(postgres);
    const where = query.where(filter, ['NOT shadow', 'mel_mean IS NOT NULL']);
    // By time: rows of a replica that was cut off arrive late.
    const rows = await this.#database.query<DriftRow>(
      `SELECT time, label AS target, score AS confidence, mel_mean AS "melMean", mel_std AS "melStd",
         energy_mean AS "energyMean", energy_std AS "energyStd"
       FROM autobird.predictions ${where} ORDER BY time DESC, id DESC LIMIT ${query.bind(limit)}`,
      query.values,
    );
    return rows.reverse();
  }

  async has(requestId: string, part: number): Promise<boolean> {
    const rows = await this.#database.query(
      'SELECT 1 FROM autobird.predictions WHERE request_id = $1 AND part = $2 LIMIT 1',
      [requestId, part],
    );
    return rows.length > 0;
  }

  /**
   * Deletes here, and leaves a row for the replicas: each deletes in its own file, and what it had not fed yet
   * (`PostgresFeeder` reads it). Rows that are written later are not meant, by the clock of the database: those of the
   * replicas may be ahead or behind.
   */
  async delete(filter: LogFilter): Promise<number> {
    return await this.#database.transaction(async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [deletionLockKey]);
      const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      const now = rows[0]?.now as Date;
      await client.query('INSERT INTO autobird.deletions (filter) VALUES ($1)', [
        JSON.stringify(storedDeletion(filter, now)),
      ]);
      // What is here was written before.
      return await deleteRows(client, filter);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** Where a page with several columns to look for stopped looking; null where it saw all rows. */
  async #scannedTo(filter: LogFilter, page: LogPage): Promise<LoggedPage['next']> {
    const query = new SqlQuery(postgres);
    const { scanned, rest } = query.scanned(filter, page, 'id, time');
    if (rest === null) return null;
    const [last] = await this.#database.query<{ id: number; time: Date }>(
      `${scanned} LIMIT 1 OFFSET ${scannedRows - 1}`,
      query.values,
    );
    return last === undefined ? null : { timeMs: last.time.getTime(), id: last.id };
  }
}

/** A filter as the table of deletions holds it. */
export interface StoredDeletion extends Readonly<Record<string, string | undefined>> {
  /** When it was requested, by the database's clock. */
  readonly asked: string;
  readonly since?: string;
  /** At most `asked`. */
  readonly until: string;
}

function storedDeletion(filter: LogFilter, now: Date): object {
  const until = new Date(Math.min(filter.until?.getTime() ?? Number.POSITIVE_INFINITY, now.getTime()));
  return { ...filter, until, asked: now };
}

/** Deletes the rows of a filter, of one instance or of all, with recordings and feedback; gives their number. */
export async function deleteRows(client: pg.ClientBase, filter: LogFilter, instanceId?: string): Promise<number> {
  let deleted = 0;
  let after: { readonly time: Date; readonly id: number } | undefined;
  for (;;) {
    const query = new SqlQuery(postgres);
    const others = [
      ...(instanceId === undefined ? [] : [`instance_id = ${query.bind(instanceId)}`]),
      ...(after === undefined ? [] : [`(time, id) > (${query.bind(after.time)}, ${query.bind(after.id)})`]),
    ];
    const { rows } = await client.query<{ id: number; time: Date; request_id: string; part: number }>(
      `DELETE FROM autobird.predictions WHERE id IN
         (SELECT id FROM autobird.predictions ${query.where(filter, others)} ORDER BY time, id LIMIT ${deletedAtOnce})
       RETURNING id, time, request_id, part`,
      query.values,
    );
    await client.query(
      `DELETE FROM autobird.feedback f USING unnest($1::text[], $2::integer[]) AS gone (request_id, part)
       WHERE f.request_id = gone.request_id AND f.part = gone.part AND NOT EXISTS
         (SELECT 1 FROM autobird.predictions p WHERE p.request_id = f.request_id AND p.part = f.part)`,
      [rows.map(({ request_id }) => request_id), rows.map(({ part }) => part)],
    );
    deleted += rows.length;
    if (rows.length < deletedAtOnce) return deleted;
    after = rows.reduce((a, b) => (a.time < b.time || (a.time.getTime() === b.time.getTime() && a.id < b.id) ? b : a));
  }
}

interface DriftRow extends LoggedDriftRow, pg.QueryResultRow {}

interface Row extends pg.QueryResultRow {
  readonly scores: readonly number[] | null;
  readonly labels: readonly string[] | null;
}

function fromRow(row: Row): LoggedPrediction {
  const { labels, scores } = row;
  return readRow(row, row['has_feedback'] ? row['true_label'] : undefined, ({ name, kind }) =>
    // The shortest decimal of a float32, as PostgreSQL prints it, is another double.
    kind === 'scores' ? scoresByLabel(labels, scores && Float32Array.from(scores)) : row[name],
  );
}
