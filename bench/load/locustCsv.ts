/** The files of `locust --csv`, column for column, so that what reads those reads ours. */
import type { LoadResult } from './generateLoad.ts';
import type { LatencyHistogram } from './LatencyHistogram.ts';
import { Tally } from './LoadStatistics.ts';

const shares = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1];
const percentileColumns = ['50%', '66%', '75%', '80%', '90%', '95%', '98%', '99%', '99.9%', '99.99%', '100%'];

/** `_stats.csv`: a row a name, then the aggregate. */
export function statsCsv({ statistics, elapsedS }: LoadResult): string {
  const header = [
    ...['Type', 'Name', 'Request Count', 'Failure Count', 'Median Response Time', 'Average Response Time'],
    ...['Min Response Time', 'Max Response Time', 'Average Content Size', 'Requests/s', 'Failures/s'],
    ...percentileColumns,
  ];
  const row = (method: string, path: string, { latency, failures, bytes }: Tally) => [
    ...[method, path, latency.count, failures, Math.round(latency.percentileMs(0.5)), latency.meanMs],
    ...[latency.minMs, latency.maxMs, bytes / Math.max(1, latency.count), latency.count / elapsedS],
    failures / elapsedS,
    ...percentiles(latency),
  ];
  const names = [...statistics.byName.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return csv([
    header,
    ...names.map(({ method, path, tally }) => row(method, path, tally)),
    row('', 'Aggregated', statistics.all),
  ]);
}

/** `_failures.csv`: what went wrong and how often. */
export function failuresCsv({ statistics }: LoadResult): string {
  const rows = [...statistics.failures.values()].map(({ method, path, error, occurrences, firstSeen, lastSeen }) => [
    ...[method, path, error, occurrences, seconds(firstSeen), seconds(lastSeen)],
  ]);
  return csv([['Method', 'Name', 'Error', 'Occurrences', 'First Seen', 'Last Seen'], ...rows]);
}

/** `_stats_history.csv`: a row a second. Percentiles are those of that second's responses (locust: of the last ten). */
export function statsHistoryCsv({ statistics, startedAt }: LoadResult, users: number): string {
  const header = [
    ...['Timestamp', 'User Count', 'Type', 'Name', 'Requests/s', 'Failures/s', ...percentileColumns],
    ...['Total Request Count', 'Total Failure Count', 'Total Median Response Time', 'Total Average Response Time'],
    ...['Total Min Response Time', 'Total Max Response Time', 'Total Average Content Size'],
  ];
  const total = new Tally();
  const last = Math.max(-1, ...statistics.bySecond.keys());
  const rows = Array.from({ length: last + 1 }, (_, second) => {
    const now = statistics.bySecond.get(second) ?? new Tally();
    total.add(now);
    const { latency } = total;
    return [
      ...[Math.floor(startedAt.getTime() / 1000) + second, users, '', 'Aggregated', now.latency.count, now.failures],
      ...(now.latency.count === 0 ? percentileColumns.map(() => 'N/A') : percentiles(now.latency)),
      ...[latency.count, total.failures, Math.round(latency.percentileMs(0.5)), latency.meanMs],
      ...[latency.minMs, latency.maxMs, total.bytes / Math.max(1, latency.count)],
    ];
  });
  return csv([header, ...rows]);
}

function percentiles(latency: LatencyHistogram): number[] {
  return shares.map((share) => Math.round(latency.percentileMs(share)));
}

function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}

function csv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
