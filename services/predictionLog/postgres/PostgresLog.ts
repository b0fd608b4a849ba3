/** The rows of every replica as they are read and deleted, in PostgreSQL. */
import type pg from 'pg';
import type { LogFilter, LoggedDriftRow, LoggedPrediction } from '../entry.ts';
import type { LogPage, LogReader } from '../LogReader.ts';
import { postgres, whereOf } from '../whereOf.ts';
import { PostgresDatabase } from './PostgresDatabase.ts';

/** Rows that are read at once by an export. */
const pageRows = 2000;
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

  async list(filter: LogFilter, { limit, before }: LogPage): Promise<LoggedPrediction[]> {
    return await this.#page(filter, 'DESC', limit, before);
  }

  async *each(filter: LogFilter): AsyncGenerator<LoggedPrediction[], void> {
    let after = 0;
    for (;;) {
      const rows = await this.#page(filter, 'ASC', pageRows, after);
      if (rows.length > 0) yield rows;
      if (rows.length < pageRows) return;
      after = (rows.at(-1) as LoggedPrediction).id;
    }
  }

  async driftRows(filter: LogFilter, limit: number): Promise<LoggedDriftRow[]> {
    const { sql, values } = whereOf(filter, ['NOT shadow', 'mel_mean IS NOT NULL'], postgres);
    // By time: rows of a replica that was cut off arrive late.
    const rows = await this.#database.query<DriftRow>(
      `SELECT time, label AS target, score AS confidence, mel_mean AS "melMean", mel_std AS "melStd",
         energy_mean AS "energyMean", energy_std AS "energyStd"
       FROM autobird.predictions ${sql} ORDER BY time DESC, id DESC LIMIT $${values.length + 1}`,
      [...values, limit],
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
   * Deletes here, and leaves word for the replicas: each deletes in its own file, and what it had not fed yet
   * (`PostgresFeeder` reads it). Rows of later than now are not meant.
   */
  async delete(filter: LogFilter): Promise<number> {
    const until = new Date(Math.min(filter.until?.getTime() ?? Number.POSITIVE_INFINITY, Date.now() + 1));
    const past: LogFilter = { ...filter, until };
    return await this.#database.transaction(async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [deletionLockKey]);
      await client.query('INSERT INTO autobird.deletions (filter) VALUES ($1)', [JSON.stringify(past)]);
      return await deleteRows(client, past);
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #page(
    filter: LogFilter,
    order: 'ASC' | 'DESC',
    limit: number,
    from: number | undefined,
  ): Promise<LoggedPrediction[]> {
    const { values } = whereOf(filter, [], postgres);
    const place = from === undefined ? [] : [`id ${order === 'ASC' ? '>' : '<'} $${values.length + 2}`];
    const { sql } = whereOf(filter, place, postgres);
    const rows = await this.#database.query<Row>(
      `SELECT p.*, m.labels, f.label AS said, f.id IS NOT NULL AS has_feedback
       FROM (SELECT * FROM autobird.predictions ${sql} ORDER BY id ${order} LIMIT $${values.length + 1}) p
       LEFT JOIN autobird.models m ON m.version = p.model_version
       LEFT JOIN LATERAL (SELECT id, label FROM autobird.feedback WHERE request_id = p.request_id AND part = p.part
         ORDER BY time DESC, id DESC LIMIT 1) f ON true
       ORDER BY p.id ${order}`,
      [...values, limit, ...(from === undefined ? [] : [from])],
    );
    return rows.map(fromRow);
  }
}

/** Deletes the rows of a filter, of one instance or of all, with recordings and feedback; gives their number. */
export async function deleteRows(client: pg.ClientBase, filter: LogFilter, instanceId?: string): Promise<number> {
  const { values } = whereOf(filter, [], postgres);
  const own = instanceId === undefined ? [] : [`instance_id = $${values.length + 2}`];
  const { sql } = whereOf(filter, own, postgres);
  let deleted = 0;
  for (;;) {
    const { rows } = await client.query<{ request_id: string; part: number }>(
      `DELETE FROM autobird.predictions WHERE id IN
         (SELECT id FROM autobird.predictions ${sql} ORDER BY id LIMIT $${values.length + 1}) RETURNING request_id, part`,
      [...values, deletedAtOnce, ...(instanceId === undefined ? [] : [instanceId])],
    );
    await client.query(
      `DELETE FROM autobird.feedback f USING unnest($1::text[], $2::integer[]) AS gone (request_id, part)
       WHERE f.request_id = gone.request_id AND f.part = gone.part AND NOT EXISTS
         (SELECT 1 FROM autobird.predictions p WHERE p.request_id = f.request_id AND p.part = f.part)`,
      [rows.map(({ request_id }) => request_id), rows.map(({ part }) => part)],
    );
    deleted += rows.length;
    if (rows.length < deletedAtOnce) return deleted;
  }
}

interface DriftRow extends LoggedDriftRow, pg.QueryResultRow {}

interface Row extends pg.QueryResultRow {
  readonly scores: readonly number[] | null;
  readonly labels: readonly string[] | null;
}

function fromRow(row: Row): LoggedPrediction {
  const { labels, scores } = row;
  return {
    id: row['id'],
    requestId: row['request_id'],
    part: row['part'],
    time: row['time'],
    route: row['route'],
    fileName: row['file_name'],
    fileSha256: row['file_sha256'],
    fileBytes: row['file_bytes'],
    durationS: row['duration_s'],
    model: row['model'],
    modelVersion: row['model_version'],
    shadow: row['shadow'],
    label: row['label'],
    score: row['score'],
    // The shortest decimal of a float32, as PostgreSQL prints it, is another double.
    scores:
      labels === null || scores === null
        ? null
        : Object.fromEntries(labels.map((label, index) => [label, Math.fround(scores[index] as number)])),
    clips: row['clips'],
    receiveMs: row['receive_ms'],
    predictMs: row['predict_ms'],
    decodeMs: row['decode_ms'],
    driftFeatures:
      row['mel_mean'] === null
        ? null
        : {
            melMean: row['mel_mean'],
            melStd: row['mel_std'],
            energyMean: row['energy_mean'],
            energyStd: row['energy_std'],
          },
    errorCode: row['error_code'],
    trueLabel: row['has_feedback'] ? row['said'] : undefined,
  };
}
