import type Database from 'libsql';
import { openDatabase } from '../database/openDatabase.ts';

/**
 * A connection to the file of a log; its tables may be missing. It waits for other writers for `busyMs`, blocking its thread.
 * Copying the write-ahead log into the file waits for the disk and is left to `LogWork`.
 */
export function openLogFile(path: string, busyMs: number): Database.Database {
  return openDatabase(path, [
    // Before the first table, else it has no effect.
    'auto_vacuum = INCREMENTAL',
    'journal_mode = WAL',
    'synchronous = NORMAL',
    // What is deleted is overwritten: recordings hold voices and places.
    'secure_delete = ON',
    'foreign_keys = ON',
    'wal_autocheckpoint = 0',
    // After the others: two processes that open the file at once wait longer for each other.
    `busy_timeout = ${busyMs}`,
  ]);
}
