/** Requests that may take longer than others: uploads of recordings, and work that sends nothing until it is done. */
import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** A client that sends nothing for so long has gone. */
const silenceMs = 30_000;
/** The end of every upload, also of one whose bytes still arrive: 4 GiB at 10 Mbit/s. */
const longestMs = 3_600_000;

const long = new WeakSet<Socket>();

/** Ends connections on which nothing has moved for `silenceMs`, but those of long requests. */
export function endSilentConnections(server: Server, silenceMs: number): void {
  server.setTimeout(silenceMs);
  // With a listener Node leaves the connection to it.
  server.on('timeout', (socket: Socket) => {
    if (!long.has(socket)) socket.destroy();
  });
}

/** Lets the response to `request` take as long as it needs. Dispose of it when the work is done. */
export function allowLongWork({ raw }: FastifyRequest): Disposable {
  const { socket } = raw;
  long.add(socket);
  return { [Symbol.dispose]: () => void long.delete(socket) };
}

/** Lets the body of `request` take up to an hour, as long as it keeps coming. Dispose of it when the body is there. */
export function allowLongUpload({ raw }: FastifyRequest): Disposable {
  const { socket } = raw;
  long.add(socket);
  let bytesRead = -1;
  // A body that does not flow waits for the disk, not for the client.
  const silence = setInterval(() => {
    if (socket.bytesRead === bytesRead && raw.readableFlowing) socket.destroy();
    bytesRead = socket.bytesRead;
  }, silenceMs);
  const longest = setTimeout(() => socket.destroy(), longestMs);
  return {
    [Symbol.dispose]: () => {
      long.delete(socket);
      clearInterval(silence);
      clearTimeout(longest);
    },
  };
}

/** The response on a connection whose request could not be read; Node closes it for every reason but a long upload. */
export function handleClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && long.has(socket)) return;
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, detail] = problems[error.code ?? ''] ?? [400, 'The request is not HTTP'];
  const body = JSON.stringify({ detail, code: 'bad_request' });
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy(error);
}

const problems: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than 16 KiB'],
};
