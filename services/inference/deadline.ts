import type { Socket } from 'node:net';

/** Until when the result of a request is needed. */
export interface Deadline extends Disposable {
  /** Aborts when the client has left or the time is over. */
  readonly signal: AbortSignal;
  /** The time is over. */
  readonly passed: boolean;
}

/** What ends the work early: the closed connection of a request, or the signal of a job. */
export type Client = Pick<Socket, 'destroyed' | 'once' | 'off'> | AbortSignal;

/**
 * `ms` from now, or when the client leaves. Dispose it when the work is done. A client has left when its connection is
 * closed: Fastify's `request.signal` follows the request's own `close` event, which comes when the body has been read.
 * (`AbortSignal.any` with `AbortSignal.timeout` would leave both to the garbage collector, with a timer that runs for the whole
 * time, for each request.)
 */
export function deadline(client: Client, ms: number | undefined): Deadline {
  const stop = new AbortController();
  const leave = () => stop.abort(client instanceof AbortSignal ? client.reason : undefined);
  const forget = watch(client, leave);
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
      forget();
    },
  };
}

/** Calls `leave` when the client leaves; gives a function that removes the listener. */
function watch(client: Client, leave: () => void): () => void {
  if (client instanceof AbortSignal) {
    if (client.aborted) leave();
    client.addEventListener('abort', leave, { once: true });
    return () => client.removeEventListener('abort', leave);
  }
  if (client.destroyed) leave();
  client.once('close', leave);
  return () => client.off('close', leave);
}
