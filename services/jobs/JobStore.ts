/**
 * Jobs in SQLite, shared by all processes that serve one folder. A process that runs a job has a lease on it and renews it.
 * Another process takes a job whose process died, and runs it from its beginning.
 */
import type Database from 'libsql';
import { AutobirdError } from '../../src/index.ts';
import { openDatabase } from '../database/openDatabase.ts';
import { upgrade } from '../database/tables.ts';
import { transaction } from '../database/transaction.ts';
import { fairShare } from '../http/FairBudget.ts';
import type { Job, JobCounts, JobError, JobProgress, JobRequest, JobStatus } from './Job.ts';
import { jobTables } from './jobTables.ts';
import { forgetOwner, isGone, newOwner } from './leaseOwner.ts';

/** Many heartbeats: a busy machine may miss some. */
const leaseMs = 30_000;

export class JobStore {
  readonly #database: Database.Database;
  readonly #owner = newOwner();

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /** @throws FormatError `newer_jobs`; AutobirdError `jobs_unavailable` where the file cannot be opened */
  static open(path: string): JobStore {
    let database: Database.Database | undefined;
    try {
      // File names and errors say what was recorded: what is deleted is overwritten.
      database = openDatabase(path, ['journal_mode = WAL', 'synchronous = NORMAL', 'secure_delete = ON']);
      upgrade(database, path, jobTables);
      return new JobStore(database);
    } catch (error) {
      database?.close();
      if (error instanceof AutobirdError) throw error;
      throw new AutobirdError('jobs_unavailable', `The jobs in ${path} cannot be opened: ${(error as Error).message}`);
    }
  }

  /** @throws QueueFullError as {@link checkRoom} */
  add(id: string, request: JobRequest, client: string, maxQueued: number): void {
    transaction(this.#database, () => {
      this.checkRoom(client, maxQueued);
      this.#database
        .prepare("INSERT INTO jobs (id, status, created_ms, request, client) VALUES (?, 'queued', ?, ?, ?)")
        .run(id, Date.now(), JSON.stringify(request), client);
    });
  }

  /** @throws QueueFullError where `maxQueued` jobs wait, or all but those that are left to clients with fewer than `client` */
  checkRoom(client: string, maxQueued: number): void {
    const waiting = this.#database
      .prepare("SELECT client, count(*) AS jobs FROM jobs WHERE status = 'queued' GROUP BY client")
      .all() as { client: string; jobs: number }[];
    const own = waiting.find((each) => each.client === client)?.jobs ?? 0;
    // Jobs that wait are never taken back, so that there has to be room for another client even where there is none yet.
    const clients = Math.max(2, waiting.length + (own === 0 ? 1 : 0));
    const queued = waiting.reduce((sum, { jobs }) => sum + jobs, 0);
    if (queued + 1 > fairShare(maxQueued, { own: own + 1, clients }).most) throw new QueueFullError(queued);
  }

  get(id: string): Job | null {
    const row = this.#database.prepare('SELECT * FROM jobs WHERE id = ?').get(id) as Row | undefined;
    return row === undefined ? null : fromRow(row);
  }

  counts(): JobCounts {
    const rows = this.#database
      .prepare("SELECT status, count(*) AS n FROM jobs WHERE status IN ('queued', 'running') GROUP BY status")
      .all() as { status: 'queued' | 'running'; n: number }[];
    const of = (status: string) => rows.find((row) => row.status === status)?.n ?? 0;
    return { queued: of('queued'), running: of('running') };
  }

  /**
   * Leases the oldest job that waits, or whose process is gone, to this process; null where there is none. One that was begun
   * `maxAttempts` times fails instead, and `onGivenUp` is called with it.
   */
  claim(maxAttempts: number, onGivenUp: (job: Job) => void = () => {}): Job | null {
    const givenUp: string[] = [];
    const claimed = transaction(this.#database, () => {
      givenUp.push(...this.#requeueAbandoned(maxAttempts));
      const row = this.#database
        .prepare(
          `UPDATE jobs SET status = 'running', started_ms = ?1, attempts = attempts + 1, owner = ?2, lease_until_ms = ?3,
             done_s = 0, total_s = 0, recordings_done = 0
           WHERE id = (SELECT id FROM jobs WHERE status = 'queued' ORDER BY created_ms, rowid LIMIT 1) RETURNING *`,
        )
        .get(Date.now(), this.#owner, Date.now() + leaseMs) as Row | undefined;
      return row === undefined ? null : fromRow(row);
    });
    for (const id of givenUp) onGivenUp(this.get(id) as Job);
    return claimed;
  }

  /** Renews the lease of a job; false where it was cancelled, or taken by another process meanwhile. */
  renew({ id, attempts }: Job, { doneS, totalS, recordingsDone }: JobProgress): boolean {
    const { changes } = this.#database
      .prepare(`UPDATE jobs SET lease_until_ms = ?, done_s = ?, total_s = ?, recordings_done = ? WHERE ${mine}`)
      .run(Date.now() + leaseMs, doneS, totalS, recordingsDone, id, this.#owner, attempts);
    return changes === 1;
  }

  /** Ends a job that this process has a lease on; false as {@link renew}. */
  finish({ id, attempts }: Job, status: 'succeeded' | 'failed', error: JobError | null): boolean {
    const { changes } = this.#database
      .prepare(`UPDATE jobs SET status = ?, finished_ms = ?, error = ?, owner = NULL, client = '' WHERE ${mine}`)
      .run(status, Date.now(), error === null ? null : JSON.stringify(error), id, this.#owner, attempts);
    return changes === 1;
  }

  /** Gives a job back, as if this attempt had never been. */
  release({ id, attempts }: Job): void {
    this.#database
      .prepare(`UPDATE jobs SET status = 'queued', attempts = attempts - 1, owner = NULL WHERE ${mine}`)
      .run(id, this.#owner, attempts);
  }

  /** Ends a job that is not over yet, and forgets one that is. Gives what it was; null where there is none. */
  delete(id: string): Job | null {
    return transaction(this.#database, () => {
      const job = this.get(id);
      const { changes } = this.#database
        .prepare(
          `UPDATE jobs SET status = 'cancelled', finished_ms = ?, owner = NULL, client = ''
           WHERE id = ? AND status IN ('queued', 'running')`,
        )
        .run(Date.now(), id);
      if (changes === 0) this.#database.prepare('DELETE FROM jobs WHERE id = ?').run(id);
      return job;
    });
  }

  /** Forgets what was over before `until`; gives the ids. */
  deleteFinished(until: Date): string[] {
    const rows = this.#database.prepare('DELETE FROM jobs WHERE finished_ms < ? RETURNING id').all(until.getTime()) as {
      id: string;
    }[];
    return rows.map(({ id }) => id);
  }

  close(): void {
    forgetOwner(this.#owner);
    this.#database.close();
  }

  /** Gives the ids of those that failed. */
  #requeueAbandoned(maxAttempts: number): string[] {
    const givenUp: string[] = [];
    const leased = this.#database
      .prepare("SELECT id, owner, lease_until_ms, attempts FROM jobs WHERE status = 'running'")
      .all() as { id: string; owner: string; lease_until_ms: number; attempts: number }[];
    for (const { id, owner, lease_until_ms: until, attempts } of leased) {
      if (until > Date.now() && !isGone(owner)) continue;
      if (attempts < maxAttempts) {
        this.#database.prepare("UPDATE jobs SET status = 'queued', owner = NULL WHERE id = ?").run(id);
        continue;
      }
      const message = `The service stopped in the middle of it ${attempts} times: is the recording damaged, or larger than the memory?`;
      this.#database
        .prepare(
          "UPDATE jobs SET status = 'failed', finished_ms = ?, owner = NULL, client = '', error = ? WHERE id = ?",
        )
        .run(Date.now(), JSON.stringify({ code: 'gave_up', message }), id);
      givenUp.push(id);
    }
    return givenUp;
  }
}

/** A job that this process has a lease on: id, owner, attempt. */
const mine = "id = ? AND status = 'running' AND owner = ? AND attempts = ?";

/** Too many jobs wait, of all clients or of this one. */
export class QueueFullError extends AutobirdError {
  /** When trying again makes sense. */
  readonly retryAfterS = 30;

  constructor(queued: number) {
    super('too_many_jobs', `${queued} jobs are waiting (service.jobs.max_queued): try again later`);
  }
}

interface Row {
  readonly id: string;
  readonly status: JobStatus;
  readonly created_ms: number;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  readonly attempts: number;
  readonly request: string;
  readonly done_s: number;
  readonly total_s: number;
  readonly recordings_done: number;
  readonly error: string | null;
}

function fromRow(row: Row): Job {
  return {
    id: row.id,
    status: row.status,
    created: new Date(row.created_ms),
    started: row.started_ms === null ? null : new Date(row.started_ms),
    finished: row.finished_ms === null ? null : new Date(row.finished_ms),
    attempts: row.attempts,
    request: JSON.parse(row.request) as JobRequest,
    progress: { doneS: row.done_s, totalS: row.total_s, recordingsDone: row.recordings_done },
    error: row.error === null ? null : (JSON.parse(row.error) as JobError),
  };
}
