/**
 * Copies what is in a log's file to PostgreSQL, in the order in which it was written. A response waits for the file only.
 * How far it came is a row of the database that changes in the transaction that writes the rows: whatever breaks in
 * between, each row arrives once.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { AutobirdError } from '../../../src/index.ts';
import { columns, identity } from '../columns.ts';
import type { LogFilter } from '../entry.ts';
import type { PredictionLog } from '../PredictionLog.ts';
import { type Backlog, Spool, type SpoolCursor, type StoredRow } from '../Spool.ts';
import type { PostgresDatabase } from './PostgresDatabase.ts';
import { deleteRows, type StoredDeletion } from './PostgresLog.ts';

export interface PostgresFeederOptions {
  /** Rows of one transaction, at most. */
  readonly batchRows: number;
  /** Rows that arrived are removed from the file. */
  readonly trim: boolean;
  /** Kept recordings are copied too. */
  readonly audio: boolean;
  /** Rows of the database that are older than this are deleted; null keeps all. */
  readonly retentionDays: number | null;
}

export interface FeederStats {
  /** Since the service started. */
  readonly fedRows: number;
  readonly failures: number;
  /** In the file and not in the database; at most, where some were deleted. */
  readonly waitingRows: number;
  /** How long the oldest of them has waited, seconds; 0 without one. */
  readonly lagS: number;
}

/** Rows of this time are fed together. */
const gatherMs = 200;
/** How often an idle feeder looks for deletions of other replicas, and for rows of other processes that share the file. */
const pollMs = 5_000;
/** The longest pause after failures; the first is {@link gatherMs}, and each one twice as long. */
const maxPauseMs = 30_000;
/** Recordings of one transaction, unless one alone is larger. */
const maxAudioBytes = 16 * 2 ** 20;
/** How long a service that ends tries to feed what waits. */
const drainMs = 3_000;
const tidyEveryMs = 60_000;
const dayMs = 86_400_000;

interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Fed extends SpoolCursor {
  readonly rows: number;
  /** The batch holds less than there was. */
  readonly cut: boolean;
}

export class PostgresFeeder {
  readonly #database: PostgresDatabase;
  readonly #log: PredictionLog;
  readonly #spool: Spool;
  readonly #options: PostgresFeederOptions;
  readonly #logger: FastifyBaseLogger;
  readonly #running: Promise<void>;
  #fedUpTo: number;
  #forgotUpTo = 0;
  #fedRows = 0;
  #failures = 0;
  #failed: Error | null = null;
  #tidiedAt = 0;
  #newRows = false;
  #stopping = false;
  #onRows = () => {};
  #onCall = () => {};
  #callers: Caller[] = [];
  /** What waited when the feeder was closed. */
  #left: Backlog | null = null;

  /** Feeds the rows of `log`, whose file is `path`, from now on. */
  constructor(
    database: PostgresDatabase,
    log: PredictionLog,
    path: string,
    options: PostgresFeederOptions,
    logger: FastifyBaseLogger,
  ) {
    this.#database = database;
    this.#log = log;
    this.#spool = Spool.open(path);
    this.#fedUpTo = this.#spool.fedUpTo;
    this.#options = options;
    this.#logger = logger;
    log.onRows = () => {
      this.#newRows = true;
      this.#onRows();
    };
    this.#running = this.#run();
  }

  stats(): FeederStats {
    const { rows, oldestMs } = this.#left ?? this.#spool.backlog(this.#fedUpTo);
    return {
      fedRows: this.#fedRows,
      failures: this.#failures,
      waitingRows: rows,
      lagS: oldestMs === null ? 0 : Math.max(0, Date.now() - oldestMs) / 1000,
    };
  }

  /** Resolves when what was written before is in the database, as far as one batch holds it. @throws AutobirdError `log_unavailable` */
  async caughtUp(): Promise<void> {
    if (this.#stopping)
      throw new AutobirdError('log_unavailable', 'The service is ending: try again when it has started');
    await new Promise<void>((resolve, reject) => {
      this.#callers.push({ resolve, reject });
      this.#newRows = true;
      this.#onCall();
    });
  }

  /** Feeds what waits, for a few seconds at most: the rest waits in the file for the next start. Before the log is closed. */
  async close(): Promise<void> {
    this.#log.onRows = () => {};
    this.#stopping = true;
    this.#onCall();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
    this.#left = this.#spool.backlog(this.#fedUpTo);
    if (this.#left.rows > 0) {
      this.#logger.warn({ rows: this.#left.rows }, 'Rows of the prediction log wait in its file for the next start');
    }
    this.#spool[Symbol.dispose]();
  }

  async #run(): Promise<void> {
    let pauseMs = gatherMs;
    for (;;) {
      await this.#pause(pauseMs);
      const callers = this.#callers.splice(0);
      try {
        this.#newRows = false;
        const full = await this.#feed();
        if (this.#failed !== null) this.#logger.info('PostgreSQL takes the rows of the prediction log again');
        this.#failed = null;
        for (const { resolve } of callers) resolve();
        if (!full && !this.#newRows) {
          if (this.#stopping) return;
          await this.#pause(pollMs, { orRows: true });
        }
        pauseMs = full ? 0 : gatherMs;
      } catch (error) {
        this.#failures++;
        const failure = error as Error;
        for (const { reject } of callers) reject(failure);
        if (failure.message !== this.#failed?.message) {
          this.#logger.error(
            { err: error },
            'Rows of the prediction log wait in its file: PostgreSQL does not take them',
          );
        }
        this.#failed = failure;
        if (this.#stopping) {
          for (const { reject } of this.#callers.splice(0)) reject(failure);
          return;
        }
        // Not all replicas at once.
        pauseMs = Math.min(maxPauseMs, 2 * Math.max(pauseMs, gatherMs)) * (0.75 + Math.random() / 4);
      }
    }
  }

  /** Ends early when the service ends or somebody waits, and, where it says so, when there is something to feed. */
  async #pause(ms: number, { orRows = false } = {}): Promise<void> {
    if (this.#stopping || this.#callers.length > 0 || (orRows && this.#newRows)) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#onCall = end;
      this.#onRows = orRows ? end : () => {};
    });
  }

  /** One transaction; true where there may be more. */
  async #feed(): Promise<boolean> {
    const { batchRows, trim } = this.#options;
    const fed = await this.#database.transaction((client) => this.#write(client));
    if (typeof fed === 'string') {
      this.#spool.renew(fed);
      return true;
    }
    const isNew = fed.predictionId !== this.#fedUpTo || fed.feedbackId !== this.#forgotUpTo;
    this.#fedUpTo = fed.predictionId;
    this.#fedRows += fed.rows;
    if (isNew) await this.#log.fed({ ...fed, rows: trim, afterFeedbackId: this.#forgotUpTo });
    this.#forgotUpTo = fed.feedbackId;
    if (Date.now() - this.#tidiedAt > tidyEveryMs) {
      this.#tidiedAt = Date.now();
      await this.#database.transaction((client) => this.#tidy(client));
    }
    return fed.rows === batchRows || fed.cut;
  }

  /** Gives a new instance id instead, where the file is an older copy of what was fed. */
  async #write(client: pg.ClientBase): Promise<Fed | string> {
    const { batchRows, audio } = this.#options;
    const { instanceId } = this.#spool;
    // Locks the row: processes that share the file take turns.
    const { rows: instances } = await client.query<Readonly<Record<string, number>>>(
      `INSERT INTO autobird.instances (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET seen_at = now()
       RETURNING prediction_id, feedback_id, deletion_id`,
      [instanceId],
    );
    const instance = instances[0] as Readonly<Record<string, number>>;
    const from = { predictionId: instance['prediction_id'] as number, feedbackId: instance['feedback_id'] as number };
    const last = this.#spool.lastIds();
    if (from.predictionId > last.predictionId || from.feedbackId > last.feedbackId) {
      // A backup that was put back: its ids will be given again, to other rows. What it holds was fed.
      const renewed = randomBytes(16).toString('hex');
      await client.query('INSERT INTO autobird.instances (id, prediction_id, feedback_id) VALUES ($1, $2, $3)', [
        renewed,
        last.predictionId,
        last.feedbackId,
      ]);
      return renewed;
    }
    const deletionId = await this.#deleteAsRequested(
      client,
      instanceId,
      instance['deletion_id'] as number,
      from.predictionId,
    );
    const batch = this.#spool.predictionsAfter(from.predictionId, batchRows);
    const recordings = audio ? this.#spool.audioSizes(batch.map(({ id }) => id)) : [];
    const rows = withinBytes(batch, recordings);
    const predictionId = rows.at(-1)?.id ?? from.predictionId;
    const feedback = this.#spool.feedbackAfter(from.feedbackId, predictionId, batchRows);
    const feedbackId = feedback.at(-1)?.id ?? from.feedbackId;
    if (rows.length > 0) {
      const versions = new Set(rows.map((row) => row['model_version']).filter((version) => version !== null));
      const models = this.#spool.models([...versions].sort() as string[]);
      await client.query(insertModels, [json(models)]);
      await client.query(insertPredictions, [instanceId, json(rows.map((row) => ({ ...row, row_key: keyOf(row) })))]);
      for (const { id } of recordings) {
        if (id <= predictionId) await client.query(insertAudio, [instanceId, id, this.#spool.audio(id)]);
      }
    }
    if (feedback.length > 0) await client.query(insertFeedback, [instanceId, json(feedback)]);
    await client.query(
      'UPDATE autobird.instances SET prediction_id = $2, feedback_id = $3, deletion_id = $4 WHERE id = $1',
      [instanceId, predictionId, feedbackId, deletionId],
    );
    const cut = rows.length < batch.length || feedback.length === batchRows;
    return { predictionId, feedbackId, rows: rows.length, cut };
  }

  /**
   * Other replicas' deletions: in the file, and what was fed meanwhile. Rows up to `fedId` were fed before the deletion could be
   * seen here, so it means them; later ones are told by this replica's clock, put right by the database's. Gives the id of the newest.
   */
  async #deleteAsRequested(client: pg.ClientBase, instanceId: string, after: number, fedId: number): Promise<number> {
    const { rows } = await client.query<{ id: number; filter: StoredDeletion; now: Date }>(
      'SELECT id, filter, clock_timestamp() AS now FROM autobird.deletions WHERE id > $1 ORDER BY id',
      [after],
    );
    for (const { filter: stored, now } of rows) {
      const { since, until, asked, ...texts } = stored;
      const meant: LogFilter = {
        ...texts,
        since: since === undefined ? undefined : new Date(since),
        // Of an older autobird, or before what its client named.
        until: until === asked ? undefined : new Date(until),
      };
      const aheadMs = Date.now() - now.getTime();
      const untilHere = new Date(Date.parse(until) + (until === asked ? aheadMs : 0));
      await this.#log.delete({ ...meant, upToId: fedId });
      await this.#log.delete({ ...meant, until: untilHere });
      await deleteRows(client, meant, instanceId);
    }
    return rows.at(-1)?.id ?? after;
  }

  /** Old rows go, and deletions that every replica has made: they name what was to be forgotten. */
  async #tidy(client: pg.ClientBase): Promise<void> {
    const { retentionDays } = this.#options;
    if (retentionDays !== null) await deleteRows(client, { until: new Date(Date.now() - retentionDays * dayMs) });
    await client.query(
      `DELETE FROM autobird.deletions WHERE id <=
         (SELECT min(deletion_id) FROM autobird.instances WHERE seen_at > now() - interval '30 days')`,
    );
  }
}

/** The rows up to the one whose recording is too much for this transaction; at least one. */
function withinBytes(
  rows: readonly StoredRow[],
  recordings: readonly { readonly id: number; readonly bytes: number }[],
): readonly StoredRow[] {
  let bytes = 0;
  for (const [index, recording] of recordings.entries()) {
    bytes += recording.bytes;
    if (bytes > maxAudioBytes && index > 0) return rows.filter(({ id }) => id < recording.id);
  }
  return rows;
}

/** PostgreSQL's text has no NUL and no half of a surrogate pair: what is left of them is U+FFFD. */
function json(rows: readonly object[]): string {
  const text = JSON.stringify(rows);
  // A function for each value costs several times as much: only where there may be such a text.
  if (!/\\u(?:0000|d[89a-f])/.test(text)) return text;
  return JSON.stringify(rows, (_key, value) =>
    typeof value === 'string' ? value.replace(/[\0\p{Surrogate}]/gu, '\uFFFD') : value,
  );
}

const insertModels = `INSERT INTO autobird.models (version, labels)
  SELECT version, ARRAY(SELECT json_array_elements_text(labels::json)) FROM json_to_recordset($1) AS r(version text, labels text)
  ON CONFLICT DO NOTHING`;

/** Of what makes a row one: a job that is run again, or a client that repeats its request at another replica, adds nothing. */
function keyOf(row: StoredRow): string {
  const text = JSON.stringify(identity.map((name) => row[name]));
  return createHash('sha256').update(text).digest('base64url');
}

/** A column of a spooled row as it comes in JSON, and as it is stored. */
const fedColumns = columns.map(({ name, kind }) => {
  const types = { text: 'text', integer: 'integer', bigint: 'bigint', real: 'float8', scores: 'real[]' } as const;
  if (kind === 'time') return { name, given: `${name}_ms bigint`, value: `to_timestamp(${name}_ms / 1000.0)` };
  if (kind === 'boolean') return { name, given: `${name} integer`, value: `${name} = 1` };
  return { name, given: `${name} ${types[kind]}`, value: name };
});

const insertPredictions = `INSERT INTO autobird.predictions (instance_id, spool_id, row_key, ${fedColumns.map(({ name }) => name).join(', ')})
  SELECT $1, id, row_key, ${fedColumns.map(({ value }) => value).join(', ')}
  FROM json_to_recordset($2) AS r(id bigint, row_key text, ${fedColumns.map(({ given }) => given).join(', ')})
  ON CONFLICT DO NOTHING`;

const insertAudio = `INSERT INTO autobird.audio (prediction_id, content)
  SELECT id, $3 FROM autobird.predictions WHERE instance_id = $1 AND spool_id = $2 ON CONFLICT DO NOTHING`;

// Feedback on a row that was deleted meanwhile is gone with it.
const insertFeedback = `INSERT INTO autobird.feedback (instance_id, spool_id, request_id, part, time, label, note)
  SELECT $1, r.id, r.request_id, r.part, to_timestamp(r.time_ms / 1000.0), r.label, r.note
  FROM json_to_recordset($2) AS r(id bigint, request_id text, part integer, time_ms bigint, label text, note text)
  WHERE EXISTS (SELECT 1 FROM autobird.predictions p WHERE p.request_id = r.request_id AND p.part = r.part)
  ON CONFLICT (instance_id, spool_id) DO NOTHING`;
