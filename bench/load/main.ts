/** `npm run load-test -- URL`: load on a running service, in a process of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateLoad, type LoadOptions } from './generateLoad.ts';
import { failuresCsv, statsCsv, statsHistoryCsv } from './locustCsv.ts';
import { findMaximumRate } from './maximumRate.ts';
import { loadReport } from './report.ts';
import { originalScenario, readScenario, uploadFile } from './scenario.ts';

const usage = `Usage: npm run load-test -- URL [options]

  --rate N          requests a second, however the server is doing (default 20)
  --clients N       instead: clients that each wait for their response
  --duration S      measured seconds (30), after --warm-up S (2) that are not counted
  --arrivals KIND   poisson (default) or constant
  --scenario FILE   YAML: requests: [{ path: /, weight: 2 }, { path: /classify/, audio: bird.mp3 }]
  --audio FILE      instead: only POST /classify/ with this recording
  --find-rate MS    the highest rate whose p99 stays within MS, from --rate on
  --timeout S       a response that takes longer counts as failed (30)
  --connections N   most connections at once (1024)
  --output FOLDER   where the files go (load-test)

Without --scenario or --audio it does what the original's load script does: GET /, GET /files/ (twice as often) and POST
/classify/ with a 5 s tone. Latency counts from the instant a request was due. Writes <folder>/load_stats.csv,
load_failures.csv and load_stats_history.csv with locust's columns, load.json and load.html; Ctrl-C ends it early with what was
measured. Exits with 1 where a request failed.`;

function usageError(message: string): never {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        rate: { type: 'string' },
        clients: { type: 'string' },
        duration: { type: 'string', default: '30' },
        'warm-up': { type: 'string', default: '2' },
        arrivals: { type: 'string', default: 'poisson' },
        scenario: { type: 'string' },
        audio: { type: 'string' },
        'find-rate': { type: 'string' },
        timeout: { type: 'string', default: '30' },
        connections: { type: 'string', default: '1024' },
        output: { type: 'string', default: 'load-test' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return usageError((error as Error).message);
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return value > 0 && Number.isFinite(value)
    ? value
    : usageError(`Expected a positive number for --${name} but received ${text}`);
}

const { values, positionals } = parse();
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const [url] = positionals;
if (url === undefined || positionals.length > 1 || !/^http:\/\//.test(url) || !URL.canParse(url))
  usageError('Expected one http:// address of a running service (autobird serve inference)');
if (values.rate !== undefined && values.clients !== undefined) usageError('Expected either --rate or --clients');
if (values.clients !== undefined && values['find-rate'] !== undefined)
  usageError('Expected --rate, not --clients, beside --find-rate');
const { arrivals } = values;
if (arrivals !== 'poisson' && arrivals !== 'constant')
  usageError(`Expected poisson or constant for --arrivals but received ${arrivals}`);

const rate = positive('rate', values.rate ?? '20');
const warmUp = Number(values['warm-up']);
if (!(warmUp >= 0)) usageError(`Expected seconds for --warm-up but received ${values['warm-up']}`);
const common: LoadOptions = {
  url,
  scenario:
    values.audio !== undefined
      ? [await uploadFile('/classify/', values.audio)]
      : values.scenario !== undefined
        ? await readScenario(values.scenario)
        : originalScenario(),
  arrivals,
  durationS: positive('duration', values.duration),
  warmUpS: warmUp,
  timeoutS: positive('timeout', values.timeout),
  connections: positive('connections', values.connections),
};

if (values['find-rate'] !== undefined) {
  const found = await findMaximumRate({ ...common, rate }, positive('find-rate', values['find-rate']), (step) => {
    console.log(
      `${step.rate.toFixed(1)}/s: p50 ${step.p50Ms.toFixed(1)} ms, p99 ${step.p99Ms.toFixed(1)} ms, ${step.failures} failed: ${step.ok ? 'holds' : 'too much'}`,
    );
  });
  console.log(`Maximum sustained rate: ${found.rate.toFixed(1)} requests/s`);
  process.exit(found.rate > 0 ? 0 : 1);
}

const clients = values.clients === undefined ? undefined : positive('clients', values.clients);
const interrupt = new AbortController();
// The second one ends it at once.
process.once('SIGINT', () => interrupt.abort());
const { signal } = interrupt;
const result = await generateLoad({ ...common, ...(clients === undefined ? { rate } : { clients }), signal });
const { latency, failures } = result.statistics.all;
if (signal.aborted) {
  console.log(`Stopped early, ${Math.max(0, result.elapsedS).toFixed(0)} s after the warm-up.`);
  if (latency.count === 0) process.exit(130);
}
const title = `${url}, ${clients === undefined ? `${rate} requests/s (${arrivals})` : `${clients} clients`}`;
const folder = values.output;
await mkdir(folder, { recursive: true });
await Promise.all([
  writeFile(join(folder, 'load_stats.csv'), statsCsv(result)),
  writeFile(join(folder, 'load_failures.csv'), failuresCsv(result)),
  writeFile(join(folder, 'load_stats_history.csv'), statsHistoryCsv(result, clients ?? 0)),
  writeFile(join(folder, 'load.html'), loadReport(result, title)),
  writeFile(
    join(folder, 'load.json'),
    `${JSON.stringify(
      {
        url,
        ...(clients === undefined ? { rate, arrivals } : { clients }),
        requests: latency.count,
        failures,
        elapsed_s: result.elapsedS,
        generator_cores: result.generatorCores,
        latency_ms: Object.fromEntries(
          [0.5, 0.95, 0.99, 0.999, 1].map((share) => [`p${100 * share}`, latency.percentileMs(share)]),
        ),
      },
      null,
      2,
    )}\n`,
  ),
]);
console.log(
  `${title}: ${latency.count} requests, ${failures} failed, ${(latency.count / result.elapsedS).toFixed(1)}/s`,
);
console.log(
  `p50 ${latency.percentileMs(0.5).toFixed(1)} ms, p95 ${latency.percentileMs(0.95).toFixed(1)}, p99 ${latency.percentileMs(0.99).toFixed(1)}, max ${latency.maxMs.toFixed(1)}; written to ${folder}/`,
);
if (result.generatorCores > 0.8)
  console.log(`The load generator used ${result.generatorCores.toFixed(2)} cores: it may be measuring itself.`);
process.exitCode = signal.aborted ? 130 : failures > 0 ? 1 : 0;
