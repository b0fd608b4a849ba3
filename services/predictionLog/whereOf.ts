import type { LogFilter } from './entry.ts';

/** How a database spells what differs. */
export interface SqlDialect<Instant extends number | Date> {
  /** The place of the n-th value, from 1. */
  readonly place: (n: number) => string;
  readonly timeColumn: string;
  readonly instant: (time: Date) => Instant;
}

export interface SqlCondition<Instant extends number | Date> {
  /** `WHERE …`, or nothing. */
  readonly sql: string;
  readonly values: readonly (string | Instant)[];
}

export const sqlite: SqlDialect<number> = {
  place: () => '?',
  timeColumn: 'time_ms',
  instant: (time) => time.getTime(),
};
export const postgres: SqlDialect<Date> = { place: (n) => `$${n}`, timeColumn: 'time', instant: (time) => time };

/** The condition of a filter with its values; `others` come last, without values here. */
export function whereOf(filter: LogFilter, others: readonly string[]): SqlCondition<number>;
export function whereOf<Instant extends number | Date>(
  filter: LogFilter,
  others: readonly string[],
  dialect: SqlDialect<Instant>,
): SqlCondition<Instant>;
export function whereOf(
  filter: LogFilter,
  others: readonly string[],
  { place, timeColumn, instant }: SqlDialect<number | Date> = sqlite,
): SqlCondition<number | Date> {
  const { requestId, fileName, fileSha256, label, modelVersion, since, until } = filter;
  const given: readonly (readonly [comparison: string, value: string | number | Date | undefined])[] = [
    ['request_id =', requestId],
    ['file_name =', fileName],
    ['file_sha256 =', fileSha256],
    ['label =', label],
    ['model_version =', modelVersion],
    [`${timeColumn} >=`, since && instant(since)],
    [`${timeColumn} <`, until && instant(until)],
  ];
  const used = given.filter((each): each is readonly [string, string | number | Date] => each[1] !== undefined);
  const conditions = [...used.map(([comparison], index) => `${comparison} ${place(index + 1)}`), ...others];
  return {
    sql: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
    values: used.map(([, value]) => value),
  };
}
