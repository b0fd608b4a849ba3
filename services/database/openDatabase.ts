import Database from 'libsql';

/**
 * Opens an SQLite file and sets `pragmas`. It waits up to 5 s for other processes, unless a pragma says otherwise.
 *
 * @throws SqliteError, and leaves nothing open then
 */
export function openDatabase(
  path: string,
  pragmas: readonly string[] = [],
  options: Database.Options = {},
): Database.Database {
  const database = new Database(path, options);
  try {
    for (const pragma of ['busy_timeout = 5000', ...pragmas]) database.exec(`PRAGMA ${pragma}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
