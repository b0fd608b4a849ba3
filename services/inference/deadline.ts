import type { Socket } from 'node:net';

/** Until when a request is worth working for. */
export interface Deadline extends Disposable {
  /** Aborts when the client has left or the time is over. */
  readonly signal: AbortSignal;
  /** The time is over. */
  readonly passed: boolean;
}

/** Whose leaving ends the work: the connection of a request, or the signal of who asks in its place. */
export type Waiting = Pick<Socket, 'destroyed' | 'once' | 'off'> | AbortSignal;

/**
 * `ms` from now, or as long as somebody waits. Dispose it when the work is done. A client has left when its connection is
 * closed: Fastify's `request.signal` follows the request's own `close` event, which comes when the body has been read.
 * (`AbortSignal.any` with `AbortSignal.timeout` would leave both to the garbage collector, with a timer that runs for the whole
 * time, for each request.)
 */
export function deadline(client: Waiting, ms: number | undefined): Deadline {
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

/** Gives what takes the listener back. */
function watch(client: Waiting, leave: () => void): () => void {
  if (client instanceof AbortSignal) {
    if (client.aborted) leave();
    client.addEventListener('abort', leave, { once: true });
    return () => client.removeEventListener('abort', leave);
  }
  if (client.destroyed) leave();
  client.once('close', leave);
  return () => client.off('close', leave);
}
