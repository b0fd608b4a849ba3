import type { LogFilter } from './entry.ts';

/** The condition of a filter with its values; `others` come last, without values here. */
export function whereOf(
  filter: LogFilter,
  others: readonly string[],
): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const { requestId, fileName, fileSha256, label, modelVersion, since, until } = filter;
  const given: readonly (readonly [condition: string, value: string | number | undefined])[] = [
    ['request_id = ?', requestId],
    ['file_name = ?', fileName],
    ['file_sha256 = ?', fileSha256],
    ['label = ?', label],
    ['model_version = ?', modelVersion],
    ['time_ms >= ?', since?.getTime()],
    ['time_ms < ?', until?.getTime()],
  ];
  const used = given.filter((each): each is readonly [string, string | number] => each[1] !== undefined);
  const conditions = [...used.map(([condition]) => condition), ...others];
  return {
    sql: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
    values: used.map(([, value]) => value),
  };
}
