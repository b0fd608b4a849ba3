/** Connections to a PostgreSQL database whose tables are up to date, and failures that say which database and no password. */
import pg from 'pg';
import { AutobirdError, InvalidArgumentError } from '../../../src/index.ts';
import { throwIfNoFormat } from '../../database/copies.ts';
import { downgrade, migrate, oldestPostgresVersion, postgresVersion } from './migrations.ts';

/** More would not be faster: one feeds, the others read. */
const maxConnections = 4;
const connectTimeoutMs = 5_000;
/** Of one statement; a server that has vanished must not hold a reader for the hours of a TCP timeout. */
const statementTimeoutMs = 60_000;

const closeMs = 1_000;

const bigintOid = 20;
const undefinedTable = '42P01';

/** The address of a configuration (`service.log.postgres.url`), else what DATABASE_URL says; null without both. */
export function databaseUrl(configured: string | null): string | null {
  return configured || process.env['DATABASE_URL'] || null;
}

export class PostgresDatabase {
  /** For messages: host, port and database. */
  readonly name: string;
  readonly #pool: pg.Pool;
  readonly #password: string;
  #migrated: Promise<void> | null = null;

  private constructor(url: string, { host, port, database, password }: pg.Client) {
    this.name = `${host}:${port}/${database}`;
    this.#password = typeof password === 'string' ? password : '';
    this.#pool = new pg.Pool({
      connectionString: url,
      max: maxConnections,
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: 30_000,
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + 5_000,
      idle_in_transaction_session_timeout: statementTimeoutMs,
      keepAlive: true,
      application_name: 'autobird',
      // Ids and sizes: exact in a double.
      types: {
        getTypeParser: ((oid: number, format: 'text' | 'binary') =>
          oid === bigintOid ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
      },
    });
    // An idle connection that breaks is replaced when the next one is needed; who needs it then learns of a failure.
    this.#pool.on('error', () => {});
  }

  /**
   * Connects when it is first needed.
   *
   * @throws InvalidArgumentError for what is no address of a PostgreSQL database
   */
  static open(url: string): PostgresDatabase {
    const scheme = /^(\w+):/.exec(url)?.[1];
    if (scheme !== 'postgres' && scheme !== 'postgresql') {
      throw new InvalidArgumentError(
        `Expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE for DATABASE_URL (service.log.postgres.url) but received ${scheme === undefined ? 'no such address' : `${scheme}:…`}`,
      );
    }
    try {
      return new PostgresDatabase(url, new pg.Client({ connectionString: url }));
    } catch {
      // The parser's own message repeats the address, password and all.
      throw new InvalidArgumentError(
        'DATABASE_URL (service.log.postgres.url) cannot be read as postgresql://USER:PASSWORD@HOST:PORT/DATABASE: percent-encode what has a meaning in an address',
      );
    }
  }

  /**
   * Makes the tables those of an older autobird. Replicas that go on writing would bring them up to date again.
   *
   * @throws InvalidArgumentError as {@link open}; AutobirdError `bad_format`, `log_unavailable`; FormatError `newer_log`
   */
  static async takeBack(url: string, to: number): Promise<void> {
    throwIfNoFormat(to, oldestPostgresVersion, postgresVersion);
    const database = PostgresDatabase.open(url);
    try {
      await database.#withClient((client) => downgrade(client, database.name, to));
    } catch (error) {
      throw database.#failure(error);
    } finally {
      await database.close();
    }
  }

  /** @throws AutobirdError `log_unavailable`; FormatError `newer_log` */
  async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return await this.#guarded(async () => (await this.#pool.query<Row>(text, [...values])).rows);
  }

  /** What `work` does happens as a whole or not at all. Throws as {@link query} does. */
  async transaction<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    return await this.#guarded(() =>
      this.#withClient(async (client) => {
        await client.query('BEGIN');
        try {
          const result = await work(client);
          await client.query('COMMIT');
          return result;
        } catch (error) {
          await client.query('ROLLBACK').catch(() => {});
          throw error;
        }
      }),
    );
  }

  /** Does not wait for a server that has vanished in the middle of a statement. */
  async close(): Promise<void> {
    await Promise.race([this.#pool.end(), new Promise((resolve) => setTimeout(resolve, closeMs).unref())]);
  }

  async #guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      this.#migrated ??= this.#withClient((client) => migrate(client, this.name));
      await this.#migrated.catch((error: unknown) => {
        this.#migrated = null;
        throw error;
      });
      return await work();
    } catch (error) {
      // Somebody dropped the tables: they are made again.
      if ((error as { code?: string }).code === undefinedTable) this.#migrated = null;
      throw this.#failure(error);
    }
  }

  async #withClient<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    // Without a listener a connection that breaks between two statements would end the process.
    let broken: Error | undefined;
    const onError = (error: Error) => {
      broken = error;
    };
    client.on('error', onError);
    try {
      return await work(client);
    } catch (error) {
      // Statements that failed leave a sound connection; what else failed does not.
      if (!(error instanceof pg.DatabaseError)) broken = error as Error;
      throw error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  #failure(error: unknown): AutobirdError {
    if (error instanceof AutobirdError) return error;
    // A name with several addresses fails once an address, without a message of its own.
    const first: Error = error instanceof AggregateError ? error.errors[0] : error;
    const text = first.message || 'it gave no reason';
    const safe = this.#password === '' ? text : text.replaceAll(this.#password, '…');
    return new AutobirdError('log_unavailable', `PostgreSQL at ${this.name} failed: ${safe}`);
  }
}
