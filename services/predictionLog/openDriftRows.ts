/** The prediction log as the drift service sees it: read only, while other processes write it. */
import { existsSync } from 'node:fs';
import { AutobirdError, type ServiceConfig } from '../../src/index.ts';
import { openDatabase } from '../database/openDatabase.ts';
import { driftRows } from './driftRows.ts';
import type { LogReader } from './LogReader.ts';
import { databaseUrl } from './postgres/PostgresDatabase.ts';
import { PostgresLog } from './postgres/PostgresLog.ts';

export interface DriftRowSource extends Pick<LogReader, 'driftRows'> {
  close(): void | Promise<void>;
}

/**
 * The rows of every replica where PostgreSQL gathers them, else those of the file.
 *
 * @throws AutobirdError `no_log` where there is none yet, `log_unavailable` where it cannot be read
 */
export function openDriftRows(config: ServiceConfig['log']): DriftRowSource {
  const { path, postgres } = config;
  const url = databaseUrl(postgres.url);
  if (path !== null && url !== null) return PostgresLog.connect(url);
  if (path === null) {
    throw new AutobirdError('no_log', 'There is no prediction log: set service.log.path, or drift.current');
  }
  if (!existsSync(path)) {
    throw new AutobirdError(
      'no_log',
      `There is no prediction log at ${path} yet: start the inference service with the same service.log.path`,
    );
  }
  const read = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new AutobirdError(
        'log_unavailable',
        `The prediction log ${path} cannot be read: ${(error as Error).message}`,
      );
    }
  };
  const database = read(() => openDatabase(path, [], { readonly: true }));
  return {
    driftRows: async (filter, limit) => read(() => driftRows(database, filter, limit)),
    close: () => {
      database.close();
    },
  };
}
