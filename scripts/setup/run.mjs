import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SetupError } from './report.mjs';

/**
 * Runs a program to its end. Its output is kept and shown only when it fails; `onLine` hears its lines meanwhile.
 * Throws a SetupError with the last lines of the output.
 */
export function run(command, args, { cwd, env, onLine, what = command } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    if (onLine) createInterface({ input: child.stdout }).on('line', onLine);
    const stop = () => child.kill();
    process.once('exit', stop);
    child.once('error', (error) => {
      process.off('exit', stop);
      reject(new SetupError(`${what} could not be started: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      process.off('exit', stop);
      if (code === 0) return resolve(output);
      const tail = output.trim().split('\n').slice(-40).join('\n');
      reject(new SetupError(`${what} failed (${signal ?? `exit code ${code}`})${tail ? `:\n${tail}` : ''}`));
    });
  });
}

/** The first line a program prints, or null when it is missing or fails. Meant for `--version`. */
export function firstLine(command, args = ['--version']) {
  const result = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.error || result.status !== 0) return null;
  return (result.stdout || result.stderr).split('\n')[0].trim();
}
