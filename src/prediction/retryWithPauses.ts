import { setTimeout as sleep } from 'node:timers/promises';
import { OverloadedError } from '../../bindings/errors.ts';

/** The longest pause, however long the queue. */
const longestWaitS = 5;
const shortestWaitS = 0.02;

/**
 * Calls `work` again after a pause as long as it throws OverloadedError.
 *
 * @throws any other error of `work`; the reason of `signal`
 */
export async function retryWithPauses<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      const waitS = Math.min(longestWaitS, Math.max(shortestWaitS, error.retryAfterS));
      await sleep(1000 * waitS, undefined, { signal: signal as AbortSignal }).catch(() => {});
      signal?.throwIfAborted();
    }
  }
}
