import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';

/**
 * Runs `start` so that `signal` stops it through `abort`; the promise then rejects with `signal.reason`.
 * `abort` stops everything that is queued on the handle, so a signal belongs to a handle with one user.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  abort: () => void,
  start: () => Promise<T>,
): Promise<T> {
  if (!signal) return await start();
  signal.throwIfAborted();
  // One signal may stop many calls; Node takes more than ten listeners for a leak and says so.
  if (getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(Number.POSITIVE_INFINITY, signal);
  const running = start();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await running;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** What long calls take beside their own arguments. */
export interface CallOptions {
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}
