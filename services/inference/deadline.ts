/** Until when a request is worth working for. */
export interface Deadline extends Disposable {
  /** Aborts when the client has left or the time is over. */
  readonly signal: AbortSignal;
  /** The time is over. */
  readonly passed: boolean;
}

/**
 * Dispose it when the work is done. (`AbortSignal.any` with `AbortSignal.timeout` says the same, but leaves both to the garbage
 * collector, with a timer that runs for the whole time, for each request.)
 */
export function deadline(client: AbortSignal, ms: number): Deadline {
  const stop = new AbortController();
  const leave = () => stop.abort(client.reason);
  if (client.aborted) leave();
  client.addEventListener('abort', leave, { once: true });
  let passed = false;
  const timer = setTimeout(() => {
    passed = true;
    stop.abort();
  }, ms);
  return {
    signal: stop.signal,
    get passed() {
      return passed;
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      client.removeEventListener('abort', leave);
    },
  };
}
