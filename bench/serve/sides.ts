/** The servers that are compared: ours, and what one would write around the same PyTorch model. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { residentMiB } from '../memory.ts';
import { python, script } from '../opponent.ts';

export interface Side {
  readonly name: string;
  readonly command: (port: number, checkpoint: string, folder: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It has the page `/`. */
  readonly page: boolean;
}

const ownFolder = join(import.meta.dirname, '../..');

/** @param folder the built checkout */
function autobird(name: string, overrides: readonly string[], folder = ownFolder): Side {
  return {
    name,
    page: true,
    command: (port, checkpoint, logFolder) => [
      process.execPath,
      join(folder, 'dist/services/main.js'),
      'inference',
      `service.port=${port}`,
      'service.management.port=null',
      `service.models=[{name: reference, checkpoint: '${checkpoint}'}]`,
      `service.log.path=${logFolder}/log-${port}.db`,
      'service.log_level=warn',
      ...overrides,
    ],
  };
}

function uvicorn(name: string, env: Readonly<Record<string, string>>, flags: readonly string[]): Side {
  const args = ['-m', 'uvicorn', 'serve_fastapi:app', '--app-dir', script(''), '--log-level', 'warning'];
  return { name, env, page: true, command: (port) => [python, ...args, '--port', String(port), ...flags] };
}

export const sides: readonly Side[] = [
  autobird('autobird', []),
  autobird('autobird, 2 processes', ['service.workers=2']),
  uvicorn('FastAPI', {}, []),
  uvicorn('FastAPI, tuned', { TUNED: '1' }, ['--workers', '2']),
  { name: 'LitServe', page: false, command: (port) => [python, script('serve_litserve.py'), String(port)] },
];

/** This checkout and another one, both built. */
export function oldAndNew(folder: string): readonly Side[] {
  return [autobird('old', [], folder), autobird('new', [])];
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) stopGroup(child);
});

/** A side that has not stopped by then is killed. */
const stopLimitMs = 10_000;

/** A server that runs. */
export class Served {
  readonly url: string;
  /** From the start of the process to its first response. */
  readonly coldStartS: number;
  readonly #child: ChildProcess;

  private constructor(url: string, coldStartS: number, child: ChildProcess) {
    this.url = url;
    this.coldStartS = coldStartS;
    this.#child = child;
  }

  /** Starts a side and waits for the first response to `audio`. @throws where there is none within two minutes */
  static async start(side: Side, port: number, checkpoint: string, folder: string, audio: Blob): Promise<Served> {
    const [program = '', ...args] = side.command(port, checkpoint, folder);
    const begin = performance.now();
    const child = spawn(program, args, {
      env: { ...process.env, CHECKPOINT: checkpoint, ...side.env },
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    // It is in a group of its own, so that its workers end with it; nor may it outlive us.
    running.add(child);
    const url = `http://127.0.0.1:${port}`;
    while (performance.now() - begin < 120_000 && child.exitCode === null) {
      if (await responds(url, audio)) return new Served(url, (performance.now() - begin) / 1000, child);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    stopGroup(child);
    throw new Error(`${side.name} did not respond: ${program} ${args.join(' ')}`);
  }

  /** Waits until what clients have left behind is done: some servers go on computing for clients that have left. */
  async settle(audio: Blob): Promise<void> {
    while (!(await responds(this.url, audio))) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Resident memory of all its processes, MiB; pages that they share count once for each. */
  rssMiB(): number {
    return residentMiB(this.#child.pid as number);
  }

  /** Resolves when its last process has ended: workers that still compute would slow the next side down. */
  async stop(): Promise<void> {
    const until = performance.now() + stopLimitMs;
    while (stopGroup(this.#child, performance.now() < until ? 'SIGTERM' : 'SIGKILL')) {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    running.delete(this.#child);
  }
}

async function responds(url: string, audio: Blob): Promise<boolean> {
  const form = new FormData();
  form.append('audio', audio, 'recording.wav');
  const response = await fetch(`${url}/classify/`, { method: 'POST', body: form }).catch(() => null);
  return response?.ok ?? false;
}

/** Whether there was anything left to stop. */
function stopGroup({ pid }: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): boolean {
  try {
    process.kill(-(pid as number), signal);
    return true;
  } catch {
    return false;
  }
}
