/** Conditions and pages of a log as SQL, for both databases. */
import type { LogFilter } from './entry.ts';
import type { LogPage } from './LogReader.ts';

/** How a database spells what differs. */
export interface SqlDialect {
  readonly table: string;
  /** The place of the n-th value, from 1. */
  readonly place: (n: number) => string;
  readonly timeColumn: string;
  readonly instant: (timeMs: number) => number | Date;
}

export const sqlite: SqlDialect = {
  table: 'predictions',
  place: (n) => `?${n}`,
  timeColumn: 'time_ms',
  instant: (timeMs) => timeMs,
};
export const postgres: SqlDialect = {
  table: 'autobird.predictions',
  place: (n) => `$${n}`,
  timeColumn: 'time',
  instant: (timeMs) => new Date(timeMs),
};

/** Each has an index with the time, the one that finds the fewest rows first. */
const indexed = ['requestId', 'fileSha256', 'fileName', 'place', 'label', 'modelVersion'] as const;
const columnOf = {
  ...{ requestId: 'request_id', fileSha256: 'file_sha256', fileName: 'file_name', place: 'place', label: 'label' },
  modelVersion: 'model_version',
} as const;

/** Rows that one page looks at, at most, where an index cannot find them alone. */
export const scannedRows = 20_000;

export class SqlQuery {
  readonly values: (string | number | Date)[] = [];
  readonly #dialect: SqlDialect;

  constructor(dialect: SqlDialect) {
    this.#dialect = dialect;
  }

  /** The place of a value. */
  bind(value: string | number | Date): string {
    this.values.push(value);
    return this.#dialect.place(this.values.length);
  }

  /** `WHERE …` of a filter and other conditions, or nothing. */
  where({ since, until, upToId, ...equal }: LogFilter, others: readonly string[] = []): string {
    const { timeColumn, instant } = this.#dialect;
    const conditions = [
      ...indexed.flatMap((key) => {
        const value = equal[key];
        return value === undefined ? [] : [`${columnOf[key]} = ${this.bind(value)}`];
      }),
      ...(since === undefined ? [] : [`${timeColumn} >= ${this.bind(instant(since.getTime()))}`]),
      ...(until === undefined ? [] : [`${timeColumn} < ${this.bind(instant(until.getTime()))}`]),
      ...(upToId === undefined ? [] : [`id <= ${this.bind(upToId)}`]),
      ...others,
    ];
    return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  }

  /**
   * The rows of a page as something to select from, in any order; with more than one column to look for no more than
   * {@link scannedRows} of the first column's are looked at. `orderBy` puts them in order.
   */
  page(filter: LogFilter, { limit, order, after }: LogPage): { readonly from: string; readonly orderBy: string } {
    const { rest, scanned } = this.scanned(filter, { order, after });
    const orderBy = this.#orderBy(order);
    if (rest === null) return { from: `(${scanned} LIMIT ${this.bind(limit)})`, orderBy };
    const some = `(${scanned} LIMIT ${scannedRows}) AS scanned`;
    return { from: `(SELECT * FROM ${some} ${this.where(rest)} ${orderBy} LIMIT ${this.bind(limit)})`, orderBy };
  }

  /** What the page looks at without a limit, and what is left to look for; null where that is nothing. */
  scanned(
    filter: LogFilter,
    { order, after }: Pick<LogPage, 'order' | 'after'>,
    selected = '*',
  ): { readonly scanned: string; readonly rest: LogFilter | null } {
    const { since, until, upToId, ...equal } = filter;
    const { table, timeColumn, instant } = this.#dialect;
    const given = indexed.filter((key) => equal[key] !== undefined);
    const first = given[0];
    const driving = { since, until, upToId, ...(first !== undefined && { [first]: equal[first] }) };
    const others =
      after === undefined
        ? []
        : [
            `(${timeColumn}, id) ${order === 'ASC' ? '>' : '<'} (${this.bind(instant(after.timeMs))}, ${this.bind(after.id)})`,
          ];
    const rest = Object.fromEntries(given.slice(1).map((key) => [key, equal[key]]));
    return {
      scanned: `SELECT ${selected} FROM ${table} ${this.where(driving, others)} ${this.#orderBy(order)}`,
      rest: given.length < 2 ? null : rest,
    };
  }

  #orderBy(order: LogPage['order']): string {
    return `ORDER BY ${this.#dialect.timeColumn} ${order}, id ${order}`;
  }
}
