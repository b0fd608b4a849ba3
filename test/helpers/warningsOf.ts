import { setImmediate } from 'node:timers/promises';

/** What Node warned of while `work` ran. */
export async function warningsOf(work: () => Promise<unknown>): Promise<Error[]> {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on('warning', listen);
  try {
    await work();
    await setImmediate();
  } finally {
    process.off('warning', listen);
  }
  return warnings;
}
