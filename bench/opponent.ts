/** A process that writes a JSON line when it is ready, and one for each request: a side of a comparison. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

const here = import.meta.dirname;

/** The Python that has torch 2.11.0 and torchaudio: `AUTOBIRD_BENCH_PYTHON`, else `python3`. */
export const python = process.env['AUTOBIRD_BENCH_PYTHON'] ?? 'python3';

export function script(name: string): string {
  return join(here, 'python', name);
}

export class Opponent {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(child: ChildProcess, reader: Interface) {
    this.#child = child;
    this.#reader = reader;
    this.#lines = reader[Symbol.asyncIterator]();
  }

  static async start(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Opponent> {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const opponent = new Opponent(child, createInterface({ input: child.stdout as NodeJS.ReadableStream }));
    await opponent.#next();
    return opponent;
  }

  async request(message: unknown): Promise<Record<string, number>> {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
    return this.#next();
  }

  stop(): void {
    this.#reader.close();
    this.#child.kill();
  }

  async #next(): Promise<Record<string, number>> {
    const { value, done } = await this.#lines.next();
    if (done) {
      const hint = 'torch and torchaudio 2.11 are those of AUTOBIRD_BENCH_PYTHON, a dist is made by npm run build';
      throw new Error(`${this.#child.spawnargs.join(' ')} ended early, with its words above (${hint})`);
    }
    return JSON.parse(value);
  }
}
