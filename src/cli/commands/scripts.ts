import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../packageRoot.ts';
import type { Command } from '../command.ts';

/** Plain Node scripts, because they must run before anything is installed; they have options and help of their own. */
export interface ScriptCommand extends Command<Record<string, never>> {
  runWords(words: readonly string[]): Promise<number>;
}

export const setup = scriptCommand('setup', 'Install LibTorch and build the addon; safe to repeat');
export const doctor = scriptCommand('doctor', 'Say what is installed, what is missing and how to mend it');

function scriptCommand(name: string, describe: string): ScriptCommand {
  const runWords = (words: readonly string[]): Promise<number> =>
    new Promise((resolve, reject) => {
      const script = join(packageRoot(), 'scripts', `${name}.mjs`);
      const child = spawn(process.execPath, [script, ...words], { stdio: 'inherit' });
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  return { command: name, describe, run: () => runWords([]), runWords };
}
