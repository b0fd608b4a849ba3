import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const DEFAULT_LIMIT_S = 120;
const KEPT_OUTPUT = 400_000;

/** Seconds a test file may take: 120, or what its line `// time-limit: 300` says. */
export function timeLimit(file) {
  const match = /^\/\/ time-limit: (\d+)\b/m.exec(readFileSync(file, 'utf8'));
  return match ? Number(match[1]) : DEFAULT_LIMIT_S;
}

/**
 * Runs one program with a time limit and everything it starts: `{ output, code, signal, timedOut, milliseconds }`. It leads
 * a process group of its own, so that at the end nothing of it is left, whatever it started.
 */
export function runLimited(command, args, { limitS, cwd, env = {} }) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(command, args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    let output = '';
    let timedOut = false;
    const keep = (chunk) => {
      output += chunk;
      if (output.length > 2 * KEPT_OUTPUT) output = `[… output cut …]\n${output.slice(-KEPT_OUTPUT)}`;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const killTree = () => killGroup(child.pid);
    process.on('exit', killTree);
    const timer = setTimeout(() => {
      timedOut = true;
      killTree();
    }, limitS * 1000);
    const finish = (code, signal) => {
      clearTimeout(timer);
      process.off('exit', killTree);
      resolve({ output, code, signal, timedOut, milliseconds: performance.now() - begun });
    };
    child.once('error', (error) => {
      output += error.message;
      finish(1, null);
    });
    // A grandchild that lives on would hold the pipes open and `close` back: it is stopped when its parent has ended.
    child.once('exit', () => setTimeout(killTree, 200).unref());
    child.once('close', finish);
  });
}

function killGroup(pid) {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
