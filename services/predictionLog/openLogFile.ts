import Database from 'libsql';

/**
 * A connection to the file of a log; its tables may be missing. It waits for other writers for `busyMs`, blocking its thread.
 * Copying the write-ahead log into the file waits for the disk and is left to `LogWork`.
 */
export function openLogFile(path: string, busyMs: number): Database.Database {
  const database = new Database(path);
  try {
    // Other processes may be opening it too.
    database.exec('PRAGMA busy_timeout = 5000');
    // Before the first table, else it has no effect.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL');
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = NORMAL');
    // What is deleted is overwritten: recordings hold voices and places.
    database.exec('PRAGMA secure_delete = ON');
    database.exec('PRAGMA foreign_keys = ON');
    database.exec('PRAGMA wal_autocheckpoint = 0');
    database.exec(`PRAGMA busy_timeout = ${busyMs}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
