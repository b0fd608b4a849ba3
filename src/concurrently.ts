import { setMaxListeners } from 'node:events';

/**
 * Calls `work` for every item, `limit` at once, and gives the results in the order of the items. After a failure or an
 * abort nothing new is started, what runs is told through its signal and waited for, and the first error is thrown.
 */
export async function concurrently<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  // Each work may listen to it several times; Node takes more than ten listeners for a leak and says so.
  setMaxListeners(Number.POSITIVE_INFINITY, either);
  const results = new Array<R>(items.length);
  let failure: { readonly error: unknown } | null = null;
  let next = 0;
  async function lane(): Promise<void> {
    while (next < items.length && !either.aborted) {
      const i = next++;
      try {
        results[i] = await work(items[i] as T, either);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  signal?.throwIfAborted();
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return results;
}
