/** Backups of a file, and the ways back: `autobird log`, `autobird jobs`. */
import { existsSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import type Database from 'libsql';
import { AutobirdError } from '../../src/index.ts';
import { openDatabase } from './openDatabase.ts';
import { downgrade, formatOf, newestFormat, oldestFormat, rowsOf, type Tables, throwIfNewer } from './tables.ts';

export interface DatabaseCopy {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  /** Of its tables. */
  readonly format: number;
}

/**
 * Copies a file into a new one as it is at one instant, while services write it.
 *
 * @throws AutobirdError `no_log`, `exists`, `damaged_log`, `log_unavailable`, or what the tables call these
 */
export async function backUp(path: string, tables: Tables, to: string): Promise<DatabaseCopy> {
  if (existsSync(to)) throw new AutobirdError('exists', `There is a file ${to} already: name another one`);
  return await copied(path, tables, to);
}

/**
 * Puts a backup in the place of a file that no service uses. The file that was there stays beside it.
 *
 * @throws AutobirdError `in_use`, `newer_log`, and as {@link backUp}
 */
export async function restore(
  path: string,
  tables: Tables,
  backup: string,
): Promise<DatabaseCopy & { readonly before: string | null }> {
  throwIfNewer(
    using(backup, tables, (database) => formatOf(database)),
    backup,
    tables,
  );
  let before: string | null = null;
  if (existsSync(path)) {
    try {
      alone(path, tables, () => {});
    } catch (error) {
      // A damaged file is a reason to restore.
      if (!(error instanceof AutobirdError) || error.code !== `damaged_${tables.name}`) throw error;
    }
    before = `${path}.before-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
    for (const ending of ['-wal', '-shm', '']) {
      if (existsSync(path + ending)) await rename(path + ending, before + ending);
    }
  }
  return { ...(await copied(backup, tables, path)), before };
}

/**
 * Makes the tables of a file that no service uses those of an older autobird.
 *
 * @throws AutobirdError `in_use`, `bad_format`, and as {@link backUp}
 */
export async function takeBack(path: string, tables: Tables, to: number): Promise<DatabaseCopy> {
  alone(path, tables, (database) => {
    throwIfNoFormat(to, oldestFormat(tables), Math.min(formatOf(database), newestFormat(tables)));
    downgrade(database, tables, to);
  });
  return await described(path, tables);
}

/** @throws AutobirdError `bad_format` */
export function throwIfNoFormat(to: number, oldest: number, newest: number): void {
  if (Number.isInteger(to) && to >= oldest && to <= newest) return;
  throw new AutobirdError('bad_format', `Expected a format from ${oldest} to ${newest} for --to but received ${to}`);
}

async function copied(from: string, tables: Tables, to: string): Promise<DatabaseCopy> {
  const part = `${to}.part`;
  await rm(part, { force: true });
  try {
    using(from, tables, (database) => database.exec(`VACUUM INTO '${part.replaceAll("'", "''")}'`));
    const file = await open(part, 'r');
    await file.sync();
    await file.close();
    const copy = await described(part, tables);
    await rename(part, to);
    return { ...copy, path: to };
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function described(path: string, tables: Tables): Promise<DatabaseCopy> {
  const known = using(path, tables, (database) => ({
    rows: rowsOf(database, tables),
    format: formatOf(database),
  }));
  return { path, ...known, bytes: (await stat(path)).size };
}

/** A file whose pages are sound. */
function using<Result>(
  path: string,
  { name, title, setting }: Tables,
  work: (database: Database.Database) => Result,
): Result {
  if (!existsSync(path)) throw new AutobirdError(`no_${name}`, `There is no ${title} ${path}: name it with ${setting}`);
  let database: Database.Database | undefined;
  try {
    // A column that is dropped is overwritten, as what services delete is.
    database = openDatabase(path, ['busy_timeout = 60000', 'secure_delete = ON']);
    const { quick_check: found } = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (found !== 'ok') throw new Error(`malformed: ${found}`);
    return work(database);
  } catch (error) {
    if (error instanceof AutobirdError) throw error;
    const { message } = error as Error;
    const isDamaged = /malformed|not a database|no such table/.test(message);
    throw new AutobirdError(
      isDamaged ? `damaged_${name}` : `${name}_unavailable`,
      isDamaged ? `${path} is damaged, or no ${title} (${message})` : `${path} cannot be used: ${message}`,
    );
  } finally {
    database?.close();
  }
}

/** A file that nobody else has open: with a write-ahead log SQLite leaves that mode only then. */
function alone(path: string, tables: Tables, work: (database: Database.Database) => void): void {
  using(path, tables, (database) => {
    try {
      database.exec('PRAGMA busy_timeout = 0');
      database.prepare('PRAGMA journal_mode = DELETE').get();
    } catch {
      throw new AutobirdError('in_use', `${path} is in use: stop the services that write it or read it first`);
    }
    work(database);
  });
}
