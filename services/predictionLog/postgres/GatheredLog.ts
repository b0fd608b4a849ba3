import type { FastifyBaseLogger } from 'fastify';
import type { LogFilter } from '../entry.ts';
import type { PredictionLog } from '../PredictionLog.ts';
import { PostgresDatabase } from './PostgresDatabase.ts';
import { type FeederStats, PostgresFeeder, type PostgresFeederOptions } from './PostgresFeeder.ts';
import { PostgresLog } from './PostgresLog.ts';

export interface GatheredLogOptions extends PostgresFeederOptions {
  /** `postgresql://…` */
  readonly url: string;
  /** The file of the log that is fed. */
  readonly path: string;
}

/** The log of every replica: what this one writes into its file is fed to PostgreSQL, and read there with the rows of the others. */
export class GatheredLog extends PostgresLog {
  readonly #log: PredictionLog;
  readonly #feeder: PostgresFeeder;

  private constructor(database: PostgresDatabase, log: PredictionLog, feeder: PostgresFeeder) {
    super(database);
    this.#log = log;
    this.#feeder = feeder;
  }

  /**
   * Does not wait for the database: rows wait in the file until it is there.
   *
   * @throws InvalidArgumentError for what is no address of one
   */
  static open(
    log: PredictionLog,
    { url, path, ...options }: GatheredLogOptions,
    logger: FastifyBaseLogger,
  ): GatheredLog {
    const database = PostgresDatabase.open(url);
    return new GatheredLog(database, log, new PostgresFeeder(database, log, path, options, logger));
  }

  /** Also in the file of this replica, and soon in those of the others. Nothing is deleted where the database is away. */
  override async delete(filter: LogFilter): Promise<number> {
    await this.caughtUp();
    const deleted = await super.delete(filter);
    await this.#log.delete(filter);
    return deleted;
  }

  /** Resolves when what this replica wrote before is there too. @throws AutobirdError `log_unavailable` */
  async caughtUp(): Promise<void> {
    await this.#feeder.caughtUp();
  }

  stats(): FeederStats {
    return this.#feeder.stats();
  }

  /** Before the log is closed. */
  override async close(): Promise<void> {
    await this.#feeder.close();
    await super.close();
  }
}
