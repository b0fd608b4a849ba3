/**
 * Training samples/s of the reference network on ready features, against PyTorch's eager loop, or another version of
 * autobird, in the same run: windows alternate, medians are quoted. On a GPU the features come from the host's memory
 * at every step.
 */
import { join } from 'node:path';
import { type Device, type Precision, runtimeInfo } from '../bindings/index.ts';
import { machine, median, printTable } from './machine.ts';
import { Opponent, python, script } from './opponent.ts';

const trainWindows = join(import.meta.dirname, 'trainWindows.ts');

// glibc keeps big blocks instead of returning them to the kernel: what a knowing PyTorch user sets.
const mallocEnv = { MALLOC_MMAP_THRESHOLD_: '4294967295', MALLOC_TRIM_THRESHOLD_: '8589934592' };

interface Contestant {
  readonly name: string;
  /** The name of the one that its rate is a ratio of. */
  readonly comparedWith: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface TrainBench {
  readonly rounds: number;
  readonly windowS: number;
  readonly threads: number;
  readonly device: Device;
  /** Another built checkout, compared with this one instead of PyTorch; null for none. */
  readonly against: string | null;
}

function pyTorch(variant: string, batch: number, { threads, device }: TrainBench): Contestant {
  const options = { variant, batch, threads, device };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const command = [python, script('train.py'), ...flags];
  const env = variant === 'plain' ? {} : mallocEnv;
  return { name: `PyTorch ${variant}`, comparedWith: 'PyTorch plain', command, env };
}

function contestants(batch: number, options: TrainBench): readonly Contestant[] {
  const { against, device, threads } = options;
  const fast = device === 'cuda' ? 'fp16' : 'bf16';
  const own = join(import.meta.dirname, '..');
  const ours = (name: string, comparedWith: string, precision: Precision, folder = own): Contestant => {
    const words = [folder, precision, batch, threads, device].map(String);
    return { name, comparedWith, command: [process.execPath, '--import', 'tsx', trainWindows, ...words] };
  };
  if (against === null) {
    return [
      pyTorch('plain', batch, options),
      ours('autobird f32', 'PyTorch plain', 'f32'),
      pyTorch('tuned-f32', batch, options),
      pyTorch(`tuned-${fast}`, batch, options),
      ours(`autobird ${fast}`, 'PyTorch plain', fast),
    ];
  }
  return (['f32', fast] as const).flatMap((precision) => [
    ours(`old ${precision}`, `old ${precision}`, precision, against),
    ours(`new ${precision}`, `old ${precision}`, precision),
  ]);
}

/** Rounds of alternating windows for each batch size. */
export async function benchTrain(options: TrainBench): Promise<unknown> {
  const results = [];
  for (const batch of options.device === 'cuda' ? [64, 512] : [16, 64]) {
    const sides = [];
    for (const contestant of contestants(batch, options)) {
      const process = await Opponent.start(contestant.command, contestant.env);
      sides.push({ ...contestant, process, rates: [] as number[] });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const { process, rates } of sides) {
        rates.push((await process.request({ seconds: options.windowS }))['samples_per_s'] ?? Number.NaN);
      }
    }
    for (const { process } of sides) process.stop();
    const medians = new Map(sides.map(({ name, rates }) => [name, median(rates)]));
    for (const { name, comparedWith, rates } of sides) {
      const samplesPerS = median(rates);
      results.push({ batch, name, samplesPerS, ratio: samplesPerS / (medians.get(comparedWith) ?? 0), windows: rates });
    }
  }
  const where = options.device === 'cuda' ? runtimeInfo().cudaDevices[0]?.name : machine().cpu;
  console.log(`Training the reference network, ${options.threads} threads, ${where}`);
  printTable(
    ['batch', 'who', 'samples/s', 'ratio', 'windows'],
    results.map((r) => [
      String(r.batch),
      r.name,
      r.samplesPerS.toFixed(0),
      r.ratio.toFixed(2),
      r.windows.map((w) => w.toFixed(0)).join(' '),
    ]),
  );
  return { machine: machine(), device: where, threads: options.threads, results };
}
