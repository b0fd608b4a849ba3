/**
 * Comparisons with plain PyTorch + torchaudio in one run: `npm run bench -- train` or `npm run bench -- prepare FOLDER`.
 * The Python side needs torch 2.11.0, torchaudio, numpy and soundfile: AUTOBIRD_BENCH_PYTHON names that python.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { benchPrepare } from './prepare.ts';
import { benchTrain } from './train.ts';

const usage = `Usage: npm run bench -- train [--rounds 5] [--window 3] [--threads ${availableParallelism()}]
       npm run bench -- prepare FOLDER [--rounds 5]

Prints a table and writes it to bench/results/<name>.json.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});

const [what, folder] = positionals;
const rounds = Number(values.rounds);
let result: unknown;
if (what === 'train') {
  result = await benchTrain({ rounds, windowS: Number(values.window), threads: Number(values.threads) });
} else if (what === 'prepare' && folder !== undefined) {
  result = await benchPrepare({ raw: folder, rounds });
} else {
  console.error(usage);
  process.exit(2);
}
const dir = `${import.meta.dirname}/results`;
await mkdir(dir, { recursive: true });
await writeFile(`${dir}/${what}.json`, `${JSON.stringify(result, null, 2)}\n`);
