/**
 * Preparing a folder of recordings by the reference recipe, against plain torchaudio doing the same, each in a fresh
 * process, taking turns; then both again beside a busy process.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { machine, median, printTable } from './machine.ts';
import { python, script } from './opponent.ts';

const run = promisify(execFile);

interface Turn {
  readonly work_s: number;
  readonly files: number;
  readonly audio_s: number;
  readonly clips: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

async function once(command: string, args: readonly string[]): Promise<Turn> {
  const { stdout } = await run(command, args, { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

function busyNeighbour(): ChildProcess {
  return spawn(process.execPath, ['-e', 'for (;;) {}'], { stdio: 'ignore' });
}

/** Medians over `rounds` turns of each side, alone and beside a busy process. Every turn starts from nothing. */
export async function benchPrepare(options: { raw: string; rounds: number }): Promise<unknown> {
  const dir = await mkdtemp(join(tmpdir(), 'autobird-bench-'));
  const ours = join(import.meta.dirname, 'prepareOnce.ts');
  const sides = [
    {
      name: 'torchaudio',
      turn: () => once(python, [script('prepare.py'), '--raw', options.raw, '--out', join(dir, 'python')]),
    },
    {
      name: 'autobird',
      turn: () => once(process.execPath, ['--import', 'tsx', ours, options.raw, join(dir, 'autobird')]),
    },
  ];
  const results = [];
  try {
    for (const neighbour of [false, true]) {
      const turns = sides.map((): Turn[] => []);
      const busy = neighbour ? busyNeighbour() : null;
      try {
        for (let round = 0; round < options.rounds; round++) {
          for (const [i, side] of sides.entries()) {
            await rm(dir, { recursive: true, force: true });
            turns[i]?.push(await side.turn());
          }
        }
      } finally {
        busy?.kill('SIGKILL');
      }
      const theirs = median((turns[0] ?? []).map((o) => o.work_s));
      for (const [i, side] of sides.entries()) {
        const seconds = (turns[i] ?? []).map((o) => o.work_s);
        const { clips, audio_s } = (turns[i] as Turn[])[0] as Turn;
        results.push({
          neighbour,
          name: side.name,
          workS: median(seconds),
          ratio: theirs / median(seconds),
          audioS: audio_s,
          clips,
          seconds,
        });
      }
      const [a, b] = [turns[0]?.[0] as Turn, turns[1]?.[0] as Turn];
      const difference = Math.max(...a.mean.map((value, band) => Math.abs(value - (b.mean[band] as number))));
      console.log(`largest difference of a band's mean: ${difference.toExponential(1)} (natural log units)`);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  printTable(
    ['neighbour', 'who', 'seconds', 'x real time', 'ratio', 'clips', 'turns'],
    results.map((r) => [
      r.neighbour ? 'busy' : 'none',
      r.name,
      r.workS.toFixed(1),
      (r.audioS / r.workS).toFixed(0),
      r.ratio.toFixed(2),
      String(r.clips),
      r.seconds.map((s) => s.toFixed(1)).join(' '),
    ]),
  );
  return { machine: machine(), results };
}
