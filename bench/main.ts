/**
 * `npm run bench`: comparisons with plain PyTorch + torchaudio and other servers, or with another version of autobird,
 * in one run. The Python side needs torch 2.11.0, torchaudio, numpy and soundfile, for `serve` also safetensors,
 * fastapi, uvicorn[standard], python-multipart and litserve 0.2.19: AUTOBIRD_BENCH_PYTHON names that python.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchPrepare } from './prepare.ts';
import { benchServe } from './serve.ts';
import { benchTrain } from './train.ts';

const usage = `Usage: npm run bench -- train [--rounds 5] [--window 3] [--threads ${availableParallelism()}] [--device cpu|cuda]
       npm run bench -- prepare FOLDER [--rounds 5]
       npm run bench -- serve [--rounds 5] [--window 3] [--clients 1,8,32,128] [--mp3 FILE] [--without NAME]… [--rate-within-ms 250]
       npm run bench -- [train] [serve] --against FOLDER

Prints a table and writes it to bench/results/<name>.json. Medians of rounds in which the sides take turns. Both need dist
(npm run build). --against compares this checkout with another one, built too, instead of Python: old, new and their ratio.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '3' },
    clients: { type: 'string', default: '1,8,32,128' },
    mp3: { type: 'string' },
    without: { type: 'string', multiple: true, default: [] },
    'rate-within-ms': { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    device: { type: 'string', default: 'cpu' },
    against: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const rounds = Number(values.rounds);
const windowS = Number(values.window);
const against = values.against === undefined ? null : resolve(values.against);
const { device } = values;
const [first, folder] = positionals;
const dir = `${import.meta.dirname}/results`;
await mkdir(dir, { recursive: true });
if (first === undefined) usageError();
const chosen = (first === 'prepare' ? [first] : positionals).map((name) => ({ name, run: benchOf(name) }));
for (const { name, run } of chosen) {
  await writeFile(`${dir}/${name}.json`, `${JSON.stringify(await run(), null, 2)}\n`);
}

function benchOf(what: string): () => Promise<unknown> {
  if (what === 'train' && (device === 'cpu' || device === 'cuda')) {
    return () => benchTrain({ rounds, windowS, threads: Number(values.threads), device, against });
  }
  if (what === 'prepare' && folder !== undefined && against === null)
    return () => benchPrepare({ raw: folder, rounds });
  if (what === 'serve') {
    const within = values['rate-within-ms'];
    const options = {
      rounds,
      windowS,
      clients: values.clients.split(',').map(Number),
      mp3: values.mp3 ?? null,
      without: values.without,
      against,
      rateWithinMs: within === undefined ? null : Number(within),
    };
    return () => benchServe(options);
  }
  return usageError();
}

function usageError(): never {
  console.error(usage);
  process.exit(2);
}
