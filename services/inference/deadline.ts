import type { Socket } from 'node:net';

/** Until when a request is worth working for. */
export interface Deadline extends Disposable {
  /** Aborts when the client has left or the time is over. */
  readonly signal: AbortSignal;
  /** The time is over. */
  readonly passed: boolean;
}

/**
 * Dispose it when the work is done. The client has left when its connection is closed: Fastify's `request.signal` follows the
 * request's own `close` event, which comes when the body has been read. (`AbortSignal.any` with `AbortSignal.timeout` would leave
 * both to the garbage collector, with a timer that runs for the whole time, for each request.)
 */
export function deadline(client: Pick<Socket, 'destroyed' | 'once' | 'off'>, ms: number): Deadline {
  const stop = new AbortController();
  const leave = () => stop.abort();
  if (client.destroyed) leave();
  client.once('close', leave);
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
      client.off('close', leave);
    },
  };
}
