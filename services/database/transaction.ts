import type Database from 'libsql';

/** Runs `work` as one transaction that writes: all of it is there afterwards, or, where it throws, nothing. */
export function transaction<Result>(database: Database.Database, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk, among others, has ended it already.
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
