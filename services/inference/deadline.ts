/** Until when a request is worth working for. */
export interface Deadline extends Disposable {
  /** Aborts when the client has left or the time is over. */
  readonly signal: AbortSignal;
  /** The time is over. */
  readonly passed: boolean;
}

/**
 * `ms` from now, or as long as the client waits. Dispose it when the work is done. (`AbortSignal.any` with
 * `AbortSignal.timeout` says the same, but leaves both to the garbage collector, with a timer that runs for the whole time,
 * for each request.)
 */
export function deadline(client: AbortSignal, ms: number | undefined): Deadline {
  const stop = new AbortController();
  const leave = () => stop.abort(client.reason);
  if (client.aborted) leave();
  client.addEventListener('abort', leave, { once: true });
  let passed = false;
  const pass = () => {
    passed = true;
    stop.abort();
  };
  const timer = ms === undefined ? undefined : setTimeout(pass, ms);
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
