/** Backups of a log, and the ways back: `autobird log`. */
import { existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import type Database from 'libsql';
import pg from 'pg';
import { AutobirdError } from '../../src/index.ts';
import { openDatabase } from '../openDatabase.ts';
import { downgrade, logVersion, oldestVersion, versionOf } from './migrations.ts';
import { downgrade as downgradeTables, oldestPostgresVersion, postgresVersion } from './postgres/migrations.ts';

export interface LogCopy {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of its tables. */
  readonly format: number;
}

/**
 * Copies a log into a new file as it is at one instant, while services write it.
 *
 * @throws AutobirdError `no_log`, `exists`, `damaged_log`, `log_unavailable`
 */
export async function backUpLog(path: string, to: string): Promise<LogCopy> {
  if (existsSync(to)) throw new AutobirdError('exists', `There is a file ${to} already: name another one`);
  return await copyLog(path, to);
}

/**
 * Puts a backup in the place of a log that no service uses. The log that was there stays beside it.
 *
 * @throws AutobirdError `no_log`, `damaged_log`, `newer_log`, `in_use`
 */
export async function restoreLog(path: string, backup: string): Promise<LogCopy & { readonly before: string | null }> {
  const format = using(backup, (database) => versionOf(database));
  if (format > logVersion) {
    throw new AutobirdError(
      'newer_log',
      `${backup} was written by a newer autobird (format ${format}, this one knows ${logVersion}): use that one`,
    );
  }
  let before: string | null = null;
  if (existsSync(path)) {
    try {
      alone(path, () => {});
    } catch (error) {
      // A damaged log is a reason to restore.
      if (!(error instanceof AutobirdError) || error.code !== 'damaged_log') throw error;
    }
    before = `${path}.before-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
    for (const ending of ['-wal', '-shm', '']) {
      if (existsSync(path + ending)) await rename(path + ending, before + ending);
    }
  }
  return { ...(await copyLog(backup, path)), before };
}

/**
 * Makes the tables of a log that no service uses those of an older autobird.
 *
 * @throws AutobirdError `no_log`, `damaged_log`, `in_use`, `bad_format`
 */
export async function downgradeLog(path: string, to: number): Promise<LogCopy> {
  alone(path, (database) => {
    checkFormat(to, oldestVersion, Math.min(versionOf(database), logVersion));
    downgrade(database, to);
  });
  return await copyOf(path);
}

/** As {@link downgradeLog}, of the tables in PostgreSQL; replicas that go on writing would bring them up to date again. */
export async function downgradePostgres(url: string, to: number): Promise<void> {
  checkFormat(to, oldestPostgresVersion, postgresVersion);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await downgradeTables(client, `${client.host}:${client.port}/${client.database}`, to);
  } finally {
    await client.end();
  }
}

async function copyLog(from: string, to: string): Promise<LogCopy> {
  const part = `${to}.part`;
  await rm(part, { force: true });
  try {
    using(from, (database) => database.exec(`VACUUM INTO '${part.replaceAll("'", "''")}'`));
    const file = await open(part, 'r');
    await file.sync();
    await file.close();
    await copyOf(part);
    await rename(part, to);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return await copyOf(to);
}

async function copyOf(path: string): Promise<LogCopy> {
  const known = using(path, (database) => {
    const { rows } = database.prepare('SELECT count(*) AS rows FROM predictions').get() as { rows: number };
    return { rows, format: versionOf(database) };
  });
  return { path, ...known, bytes: (await stat(path)).size };
}

/** A log whose pages are sound. */
function using<Result>(path: string, work: (database: Database.Database) => Result): Result {
  if (!existsSync(path)) {
    throw new AutobirdError('no_log', `There is no prediction log ${path}: name it, or set service.log.path`);
  }
  let database: Database.Database | undefined;
  try {
    database = openDatabase(path, ['busy_timeout = 60000']);
    const { quick_check: found } = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (found !== 'ok') throw new Error(`malformed: ${found}`);
    return work(database);
  } catch (error) {
    if (error instanceof AutobirdError) throw error;
    const { message } = error as Error;
    const isDamaged = /malformed|not a database|no such table/.test(message);
    throw new AutobirdError(
      isDamaged ? 'damaged_log' : 'log_unavailable',
      isDamaged ? `${path} is damaged, or no prediction log (${message})` : `${path} cannot be used: ${message}`,
    );
  } finally {
    database?.close();
  }
}

/** A log that nobody else has open: with a write-ahead log SQLite leaves that mode only then. */
function alone(path: string, work: (database: Database.Database) => void): void {
  using(path, (database) => {
    try {
      database.exec('PRAGMA busy_timeout = 0');
      database.prepare('PRAGMA journal_mode = DELETE').get();
    } catch {
      throw new AutobirdError('in_use', `${path} is in use: stop the services that write it or read it first`);
    }
    work(database);
  });
}

function checkFormat(to: number, oldest: number, now: number): void {
  if (Number.isInteger(to) && to >= oldest && to <= now) return;
  throw new AutobirdError('bad_format', `Expected a format from ${oldest} to ${now} for --to but received ${to}`);
}
