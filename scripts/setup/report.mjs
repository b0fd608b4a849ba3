/** Plain lines about what is being done and how long it took; the same on a terminal and in a log. */

const started = performance.now();

/** `0.4 s`, `12.3 s`, `2 min 05 s` */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.round(seconds % 60)).padStart(2, '0')} s`;
}

/** `531 MB` */
export function megabytes(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs one step and prints a line when it ends. `work` gets a function that prints progress under the step, and returns
 * what to say about the result.
 */
export async function step(name, work) {
  const begun = performance.now();
  let told = false;
  const progress = (line) => {
    if (!told) say(`… ${name}`);
    told = true;
    say(`    ${line}`);
  };
  const result = await work(progress);
  say(`✓ ${name}: ${result} (${duration(performance.now() - begun)})`);
}

export function totalTime() {
  return duration(performance.now() - started);
}

/** A failure whose message is for the user: printed without a stack. */
export class SetupError extends Error {}
