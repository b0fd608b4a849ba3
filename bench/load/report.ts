/** A load test as a page: figures, percentiles by name, and latency and rate over time. */
import { figure, notice, renderPage, table, tiles } from '../../src/reports/page.ts';
import { legend, lineChart } from '../../src/reports/svg.ts';
import type { LoadResult } from './generateLoad.ts';
import type { Tally } from './LoadStatistics.ts';

export function loadReport(result: LoadResult, title: string): string {
  const { statistics, elapsedS, generatorCores, startedAt } = result;
  const { latency, failures } = statistics.all;
  const seconds = [...statistics.bySecond].sort(([a], [b]) => a - b);
  const over = (value: (tally: Tally) => number) => seconds.map(([second, tally]) => [second, value(tally)] as const);
  const percentileLines = [0.5, 0.95, 0.99].map((share) => ({
    name: `${100 * share} %`,
    points: over((tally) => tally.latency.percentileMs(share)),
  }));
  const rateLines = [
    { name: 'responses', points: over((tally) => tally.latency.count) },
    { name: 'failures', points: over((tally) => tally.failures) },
  ];
  const rows = [...statistics.byName].map(([name, { tally }]) => [
    name,
    String(tally.latency.count),
    String(tally.failures),
    ...[0.5, 0.95, 0.99, 0.999, 1].map((share) => tally.latency.percentileMs(share).toFixed(1)),
  ]);
  const failed = [...statistics.failures.values()].map(
    ({ method, path, error, occurrences }) => `${method} ${path}: ${error} (${occurrences} times)`,
  );
  return renderPage({
    title: 'Load test',
    subtitle: title,
    sections: [
      {
        title: 'In short',
        body: [
          tiles([
            { value: (latency.count / elapsedS).toFixed(1), label: 'requests/s' },
            { value: `${latency.percentileMs(0.5).toFixed(1)} ms`, label: 'median' },
            { value: `${latency.percentileMs(0.99).toFixed(1)} ms`, label: '99 %' },
            { value: String(failures), label: 'failures', note: `of ${latency.count}` },
            { value: generatorCores.toFixed(2), label: 'cores', note: 'used by the load generator' },
          ]),
          failed.map((text) => notice('bad', text)),
        ],
      },
      {
        title: 'By request',
        body: table(
          ['request', 'count', 'failures', '50 % ms', '95 %', '99 %', '99.9 %', 'max'].map((name, i) => ({
            title: name,
            numeric: i > 0,
          })),
          rows,
        ),
      },
      {
        title: 'Over time',
        body: [
          figure(
            [legend(percentileLines), lineChart(percentileLines, { width: 760, xLabel: 's', yLabel: 'ms' })],
            'Latency of the responses of each second, from the instant each request was due',
          ),
          figure(
            [legend(rateLines), lineChart(rateLines, { width: 760, xLabel: 's', yLabel: 'per second' })],
            'Responses a second',
          ),
        ],
      },
    ],
    footer: `Measured at ${startedAt.toISOString()} over ${elapsedS.toFixed(1)} s.`,
  });
}
