import type { LogFilter, LoggedPrediction } from '../../services/predictionLog/entry.ts';
import type { LogReader } from '../../services/predictionLog/LogReader.ts';

/** The rows of a log, newest first. */
export async function rowsOf(
  reader: Pick<LogReader, 'page'>,
  filter: LogFilter = {},
  limit = 1000,
): Promise<readonly LoggedPrediction[]> {
  return (await reader.page(filter, { limit, order: 'DESC' })).rows;
}
