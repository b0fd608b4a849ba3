/** Clients that take their time: with headers, with a body, with reading a response, or that say nothing at all. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { lastStatus } from './wire.ts';

/**
 * Opens `count` connections, lets each `trickle` once a second, and waits `mostS` seconds at most until the service has
 * ended them all.
 */
async function hold(
  port: number,
  count: number,
  mostS: number,
  { head, trickle, reads = true }: { readonly head: string; readonly trickle: string; readonly reads?: boolean },
): Promise<ResponseCounts> {
  const responses = new ResponseCounts();
  const open = new Set<Socket>();
  for (let i = 0; i < count; i++) {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    open.add(socket);
    socket.on('connect', () => socket.write(head));
    socket.on('error', () => {});
    if (reads) socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    else socket.pause();
    socket.on('close', () => {
      open.delete(socket);
      responses.add(lastStatus(text));
    });
  }
  const until = performance.now() + 1000 * mostS;
  while (open.size > 0 && performance.now() < until) {
    await sleep(1000);
    if (trickle !== '') for (const socket of open) socket.write(trickle);
  }
  // Who reads nothing does not see that the connection has ended: a first byte is refused, and the second learns of it.
  for (let i = 0; i < 2 && open.size > 0; i++) {
    for (const socket of open) socket.write('\r\n');
    await sleep(1000);
  }
  const held = [...open];
  if (held.length > 0) responses.add('held', held.length);
  for (const socket of held) socket.removeAllListeners('close').destroy();
  return responses;
}

export function slowHeaders(count: number, mostS: number): Attack {
  return {
    name: 'slow headers',
    describe: `${count} clients, a byte a second`,
    expected: /^(408|closed)$/,
    run: ({ port }) => hold(port, count, mostS, { head: 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ', trickle: 'a' }),
  };
}

export function slowBodies(count: number, mostS: number): Attack {
  const head =
    'POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: 1000000\r\n\r\nRIFF....WAVE';
  return {
    name: 'slow bodies',
    describe: `${count} clients, a byte a second`,
    expected: /^(408|closed)$/,
    run: ({ port }) => hold(port, count, mostS, { head, trickle: 'a' }),
  };
}

export function slowReaders(count: number, mostS: number): Attack {
  const head = 'GET /redoc/redoc.standalone.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20);
  return {
    name: 'slow readers',
    describe: `${count} clients that request 20 MB and read nothing`,
    expected: /^closed$/,
    run: ({ port }) => hold(port, count, mostS, { head, trickle: '', reads: false }),
  };
}

export function idleSockets(count: number, mostS: number): Attack {
  return {
    name: 'idle sockets',
    describe: `${count} connections that say nothing`,
    expected: /^(408|closed)$/,
    run: ({ port }) => hold(port, count, mostS, { head: '', trickle: '' }),
  };
}
