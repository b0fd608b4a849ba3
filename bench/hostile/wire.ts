/** HTTP as bytes on a socket: what no well-behaved client library would send. */
import { connect, type Socket } from 'node:net';

export interface ExchangeOptions {
  /** How long a response is waited for. Default 20 s. */
  readonly timeoutMs?: number;
  /** End our side after the last byte. Default false. */
  readonly end?: boolean;
}

/**
 * Sends the parts one after another and gives everything that comes back, latin1, until the connection ends or time is
 * up.
 */
export async function exchange(
  port: number,
  parts: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  { timeoutMs = 20_000, end = false }: ExchangeOptions = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  const finished = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    setTimeout(resolve, timeoutMs).unref();
  });
  for await (const part of parts) {
    if (socket.destroyed) break;
    if (!socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part)) await drained(socket);
  }
  if (end) socket.end();
  await finished;
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const events = ['drain', 'close', 'error'] as const;
    const done = () => {
      for (const event of events) socket.off(event, done);
      resolve();
    };
    for (const event of events) socket.on(event, done);
  });
}

/** The statuses of all responses in what came back. */
export function statuses(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status as string);
}

/** The last status, else `closed`. */
export function lastStatus(text: string): string {
  return statuses(text).at(-1) ?? 'closed';
}

export function post(path: string, headers: string, body: Uint8Array): readonly [string, Uint8Array] {
  return [
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.byteLength}\r\n${headers}\r\n`,
    body,
  ];
}
