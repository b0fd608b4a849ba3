/**
 * Comparisons with plain PyTorch + torchaudio in one run: `npm run bench -- train`, `npm run bench -- prepare FOLDER` or
 * `npm run bench -- serve`. The Python side needs torch 2.11.0, torchaudio, numpy and soundfile, for `serve` also safetensors,
 * fastapi, uvicorn[standard], python-multipart and litserve 0.2.19: AUTOBIRD_BENCH_PYTHON names that python.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { benchPrepare } from './prepare.ts';
import { benchServe } from './serve.ts';
import { benchTrain } from './train.ts';

const usage = `Usage: npm run bench -- train [--rounds 5] [--window 3] [--threads ${availableParallelism()}] [--device cpu|cuda]
       npm run bench -- prepare FOLDER [--rounds 5]
       npm run bench -- serve [--rounds 5] [--window 3] [--clients 1,8,32,128] [--mp3 FILE] [--without NAME]… [--rate-within-ms 250]

Prints a table and writes it to bench/results/<name>.json.`;

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
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const [what, folder] = positionals;
const rounds = Number(values.rounds);
let result: unknown;
if (what === 'train' && (values.device === 'cpu' || values.device === 'cuda')) {
  const { device } = values;
  result = await benchTrain({ rounds, windowS: Number(values.window), threads: Number(values.threads), device });
} else if (what === 'prepare' && folder !== undefined) {
  result = await benchPrepare({ raw: folder, rounds });
} else if (what === 'serve') {
  const within = values['rate-within-ms'];
  result = await benchServe({
    rounds,
    windowS: Number(values.window),
    clients: values.clients.split(',').map(Number),
    mp3: values.mp3 ?? null,
    without: values.without,
    rateWithinMs: within === undefined ? null : Number(within),
  });
} else {
  console.error(usage);
  process.exit(2);
}
const dir = `${import.meta.dirname}/results`;
await mkdir(dir, { recursive: true });
await writeFile(`${dir}/${what}.json`, `${JSON.stringify(result, null, 2)}\n`);
