import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../services/http/createApp.ts';
import { allowLongUpload, allowLongWork } from '../../services/http/longRequests.ts';
import { acceptUploads } from '../../services/http/receiveAudio.ts';
import { serviceConfig } from '../helpers/withService.ts';

/** Routes that count the bytes of a body, `/long` without hurry, and the server's side of each connection. */
async function withCounter(use: (app: FastifyInstance, port: number, sockets: readonly Socket[]) => Promise<void>) {
  const info = { title: 't', description: 'd', version: '0' };
  const app = await createApp({
    info,
    logger: pino({ level: 'silent' }),
    readiness: () => ({ ready: true }),
    security: serviceConfig([]),
  });
  const count = async (body: AsyncIterable<Buffer>) => {
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.byteLength;
      app.server.emit('bytes counted');
    }
    return { bytes };
  };
  await app.register(async (scope) => {
    await acceptUploads(scope);
    scope.post('/short', async ({ raw }) => await count(raw));
    scope.post('/long', async (request) => {
      using _long = allowLongUpload(request);
      return await count(request.raw);
    });
    const work = async () => {
      const done = once(app.server, 'work done');
      app.server.emit('working');
      await done;
      return { done: true };
    };
    scope.get('/work', work);
    scope.get('/long-work', async (request) => {
      using _long = allowLongWork(request);
      return await work();
    });
  });
  const sockets: Socket[] = [];
  app.server.on('connection', (socket: Socket) => sockets.push(socket));
  await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    await use(app, (app.server.address() as { port: number }).port, sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    await app.close();
  }
}

/** Sends half a body, lets the server's clock strike, sends the rest. */
async function interrupted(app: FastifyInstance, port: number, sockets: readonly Socket[], path: string) {
  const client = connect(port, '127.0.0.1');
  client.on('error', () => {});
  let received = '';
  client.on('data', (chunk) => {
    received += chunk;
  });
  const closed = new Promise((resolve) => client.on('close', resolve));
  const counted = once(app.server, 'bytes counted');
  client.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: 8\r\nConnection: close\r\n\r\n1234`,
  );
  await counted;
  const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  app.server.emit('clientError', error, sockets.at(-1));
  client.write('5678');
  await closed;
  return received;
}

test('a request that takes too long is told so, an upload of a job goes on', () =>
  withCounter(async (app, port, sockets) => {
    const short = await interrupted(app, port, sockets, '/short');
    assert.match(short, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(short, /"detail":"The request took too long to arrive"/);
    const long = await interrupted(app, port, sockets, '/long');
    assert.match(long, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(long, /\{"bytes":8\}$/);
  }));

test('a connection on which nothing moves is ended, but not while its request needs long', () =>
  withCounter(async (app, port, sockets) => {
    const responseOf = async (path: string) => {
      const client = connect(port, '127.0.0.1');
      let received = '';
      client.on('data', (chunk) => {
        received += chunk;
      });
      const closed = once(client, 'close');
      const working = once(app.server, 'working');
      client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await working;
      const socket = sockets.at(-1) as Socket;
      assert.ok((socket.timeout as number) > 60_000);
      socket.emit('timeout');
      app.server.emit('work done');
      // The connection waits for the next request, which does not come.
      if (!socket.destroyed) await once(client, 'data');
      socket.emit('timeout');
      await closed;
      return received;
    };
    assert.is(await responseOf('/work'), '');
    assert.match(await responseOf('/long-work'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"done":true\}$/);
  }));

test('what is no HTTP and headers without end are refused in JSON', () =>
  withCounter(async (_app, port) => {
    for (const [text, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const client = connect(port, '127.0.0.1');
      client.on('error', () => {});
      client.write(text);
      const response = await new Promise<string>((resolve) => client.once('data', (chunk) => resolve(String(chunk))));
      assert.match(response, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(response, /\{"detail":/);
      client.destroy();
    }
  }));

test.run();
