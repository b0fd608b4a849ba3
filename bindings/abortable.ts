import { defaultMaxListeners, getMaxListeners, setMaxListeners } from 'node:events';

/** Calls `listener` once when `signal` aborts; the function that it gives takes the listener back. */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (!signal) return () => {};
  // One signal may stop many calls; Node takes more than ten listeners for a leak and says so.
  if (getMaxListeners(signal) === defaultMaxListeners) setMaxListeners(Number.POSITIVE_INFINITY, signal);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

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
  const running = start();
  const forget = onAbort(signal, abort);
  try {
    return await running;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    forget();
  }
}

/** What long calls take beside their own arguments. */
export interface CallOptions {
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}
