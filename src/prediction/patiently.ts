import { setTimeout as sleep } from 'node:timers/promises';
import { OverloadedError } from '../../bindings/errors.ts';

/** However long the queue: what waits for it looks again so often. */
const longestWaitS = 5;
const shortestWaitS = 0.02;

/** Asks again and again while there is too much to do. @throws whatever else `ask` throws; the reason of `signal` */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      const waitS = Math.min(longestWaitS, Math.max(shortestWaitS, error.retryAfterS));
      await sleep(1000 * waitS, undefined, { signal: signal as AbortSignal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }
}
