import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { CommandIo } from './command.ts';
import { exitCodes } from './errors.ts';

/**
 * Runs a module of `services/` in a process of its own: services are users of the library, and nothing of it imports them.
 * Gives its exit code.
 */
export function runService(io: CommandIo, module: string, words: readonly string[]): Promise<number> {
  // The same file beside the sources and beside what is built from them.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const main = fileURLToPath(new URL(`../../services/${module}.${ending}`, import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, main, ...words], { stdio: 'inherit' });
    // Where the signal reached the child too, it takes both for one (services/stopGracefully.ts).
    io.signal.addEventListener('abort', () => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      resolve(code ?? (signal === null ? exitCodes.failed : 128 + constants.signals[signal])),
    );
  });
}
