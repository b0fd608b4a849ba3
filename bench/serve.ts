/**
 * The inference service beside the same model behind FastAPI (as one writes it, and tuned) and LitServe, or beside
 * another version of autobird, on one machine.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeWav16 } from '../src/data/synthetic/wav.ts';
import { randomFor } from '../src/random.ts';
import { findMaximumRate } from './load/maximumRate.ts';
import { uploadFile } from './load/scenario.ts';
import { machine, median, printTable } from './machine.ts';
import { oldAndNew, Served, sides } from './serve/sides.ts';
import { writeReferenceModel } from './serve/writeReferenceModel.ts';
import { type WrkFigures, wrk } from './serve/wrk.ts';

export interface ServeOptions {
  readonly rounds: number;
  /** Measured seconds of each cell. */
  readonly windowS: number;
  readonly clients: readonly number[];
  /** An mp3 for the longer case; default 30 s of noise at 48 kHz, encoded by ffmpeg. */
  readonly mp3: string | null;
  /** Names of sides to leave out. */
  readonly without: readonly string[];
  /** Another built checkout, compared with this one instead of other servers; null for none. */
  readonly against: string | null;
  /** Look for the highest rate (open loop) at which p99 stays below this; null for not at all. */
  readonly rateWithinMs: number | null;
}

interface Cell {
  readonly side: string;
  readonly request: string;
  readonly clients: number;
  readonly figures: WrkFigures[];
}

const firstPort = 18_150;

export async function benchServe(options: ServeOptions): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'autobird-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  try {
    return await measure(options, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(options: ServeOptions, folder: string): Promise<unknown> {
  const checkpoint = join(folder, 'reference.safetensors');
  await writeReferenceModel(checkpoint);
  const wav = join(folder, '5s.wav');
  await writeFile(wav, encodeWav16(noise(5, 16_000), 16_000));
  const mp3 = await mp3Of(options.mp3, folder);
  const requests = [
    { name: '5 s wav', path: '/classify/', audio: wav },
    { name: 'mp3', path: '/classify/', audio: mp3 },
    { name: 'GET /', path: '/', audio: null },
  ];
  const audio = new Blob([await readFile(wav)]);
  const { against } = options;
  const all = against === null ? sides : oldAndNew(against);
  const compared = all.filter(({ name }) => !options.without.includes(name));
  const cells = new Map<string, Cell>();
  const starts = new Map(compared.map(({ name }) => [name, { coldStartS: [] as number[], rssMiB: [] as number[] }]));
  const rates = new Map<string, number>();
  let port = firstPort;
  for (let round = 0; round < options.rounds; round++) {
    for (const side of compared) {
      const served = await Served.start(side, port++, checkpoint, folder, audio);
      try {
        for (const { name, path, audio: file } of requests) {
          if (file === null && !side.page) continue;
          // Once for caches and compilers.
          await wrk(served.url + path, file, Math.max(...options.clients), Math.max(1, options.windowS / 2));
          for (const clients of options.clients) {
            const key = `${side.name}|${name}|${clients}`;
            const cell = cells.get(key) ?? { side: side.name, request: name, clients, figures: [] };
            cells.set(key, cell);
            await served.settle(audio);
            const figures = await wrk(served.url + path, file, clients, options.windowS);
            cell.figures.push(figures);
            const perS = (figures.requests / figures.seconds).toFixed(1);
            console.error(`turn ${round + 1}: ${side.name}, ${name}, ${clients} clients: ${perS} requests/s`);
          }
        }
        const start = starts.get(side.name);
        start?.coldStartS.push(served.coldStartS);
        start?.rssMiB.push(served.rssMiB());
        if (round === 0 && options.rateWithinMs !== null) {
          const scenario = [await uploadFile('/classify/', wav)];
          const load = { url: served.url, scenario, rate: 16, durationS: 2 * options.windowS };
          rates.set(side.name, (await findMaximumRate(load, options.rateWithinMs)).rate);
        }
      } finally {
        await served.stop();
      }
    }
  }
  const rows = [...cells.values()].map(({ side, request, clients, figures }) => ({
    side,
    request,
    clients,
    perS: median(figures.map(({ requests: count, seconds }) => count / seconds)),
    p50Ms: median(figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(figures.map(({ p99Ms }) => p99Ms)),
    failures: figures.reduce((sum, { failures }) => sum + failures, 0),
  }));
  const first = compared[0]?.name;
  const firstPerS = ({ request, clients }: (typeof rows)[number]) =>
    rows.find((row) => row.side === first && row.request === request && row.clients === clients)?.perS ?? Number.NaN;
  const about = machine();
  console.log(`${about.cpu}, ${about.cores} cores (${about.cpuFeatures.join(' ')}), load ${about.load1min}`);
  printTable(
    ['request', 'clients', 'server', 'requests/s', `ratio to ${first}`, 'p50 ms', 'p99 ms', 'failures'],
    [...rows]
      .sort((a, b) => a.request.localeCompare(b.request) || a.clients - b.clients)
      .map((row) => [
        row.request,
        String(row.clients),
        row.side,
        row.perS.toFixed(1),
        (row.perS / firstPerS(row)).toFixed(2),
        row.p50Ms.toFixed(1),
        row.p99Ms.toFixed(1),
        String(row.failures),
      ]),
  );
  console.log();
  printTable(
    [
      'server',
      'first response s',
      'memory MiB',
      ...(rates.size > 0 ? [`rate with p99 < ${options.rateWithinMs} ms`] : []),
    ],
    compared.map(({ name }) => {
      const { coldStartS = [], rssMiB = [] } = starts.get(name) ?? {};
      const rate = rates.get(name);
      return [
        name,
        median(coldStartS).toFixed(2),
        median(rssMiB).toFixed(0),
        ...(rate === undefined ? [] : [rate.toFixed(0)]),
      ];
    }),
  );
  return { machine: about, options, rows, starts: Object.fromEntries(starts), rates: Object.fromEntries(rates) };
}

async function mp3Of(given: string | null, folder: string): Promise<string> {
  const path = join(folder, 'recording.mp3');
  if (given !== null) {
    await copyFile(given, path);
    return path;
  }
  const wav = join(folder, '30s.wav');
  await writeFile(wav, encodeWav16(noise(30, 48_000), 48_000));
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-i', wav, '-b:a', '128k', path]);
  return path;
}

function noise(seconds: number, rateHz: number): Float64Array {
  const random = randomFor(1, 'bench serve', seconds);
  return Float64Array.from({ length: seconds * rateHz }, () => 0.1 * random.normal());
}
