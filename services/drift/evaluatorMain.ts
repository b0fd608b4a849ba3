/** The evaluator as a process: answers its parent's calls, one after the other, and ends with it. */
import { setPriority } from 'node:os';
import type { DriftServiceConfig } from './config.ts';
import { Evaluator } from './Evaluator.ts';

export interface Call {
  readonly id: number;
  readonly method: 'look' | 'compare' | 'closedWindows';
  readonly argument: unknown;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } };

/** Behind whatever answers requests on the same machine. */
const niceness = 10;

let evaluator: Evaluator | null = null;
let queue: Promise<void> = Promise.resolve();

process.on('disconnect', () => process.exit(0));
// A terminal and systemd tell every process; the parent decides when this one ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
setPriority(niceness);

process.on('message', (message: { readonly config: DriftServiceConfig } | Call) => {
  if ('config' in message) evaluator = new Evaluator(message.config);
  else queue = queue.then(() => answer(evaluator as Evaluator, message));
});

async function answer(of: Evaluator, { id, method, argument }: Call): Promise<void> {
  try {
    reply({ id, result: await of[method](argument as never) });
  } catch (error) {
    const { code = 'internal', message } = error as NodeJS.ErrnoException;
    reply({ id, error: { code, message } });
  }
}

/** The parent may be gone by now: then nobody waits for it. */
function reply(answer: Answer): void {
  if (process.connected) process.send?.(answer, undefined, undefined, () => {});
}
