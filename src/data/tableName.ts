import { isAbsolute, resolve, sep } from 'node:path';

/**
 * How a dataset names a table of `data.metadata`: as it was given, and of an absolute path only the folder's name and the
 * file's. A dataset is passed on, and whose machine it was made on is private.
 */
export function tableName(table: string): string {
  return isAbsolute(table) ? resolve(table).split(sep).slice(-2).join('/') : table;
}
