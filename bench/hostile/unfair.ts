/**
 * One client against all others: room that is announced or held, names that are not ours, a folder that cannot be read.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { concurrently } from '../../src/concurrently.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { exchange, lastStatus } from './wire.ts';

/** The attacker is another client than the bystander, which comes from 127.0.0.1. */
const localAddress = '127.0.0.2';

const head = (bytes: number) =>
  `POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: ${bytes}\r\n\r\n`;

/** Opens `count` uploads of 60 MB, sends `sent` bytes of each, then a byte a second for `seconds`. */
async function heldUploads(port: number, count: number, sent: number, seconds: number): Promise<ResponseCounts> {
  const responses = new ResponseCounts();
  const open = new Set<Socket>();
  for (let i = 0; i < count; i++) {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let text = '';
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('close', () => {
      if (open.delete(socket)) responses.add(lastStatus(text));
    });
    socket.write(head(60_000_000));
    if (sent > 0) socket.write(Buffer.alloc(sent));
  }
  const until = performance.now() + 1000 * seconds;
  while (open.size > 0 && performance.now() < until) {
    await sleep(1000);
    if (sent > 0) for (const socket of open) socket.write('a');
  }
  for (const socket of open) {
    open.delete(socket);
    responses.add('held');
    socket.destroy();
  }
  return responses;
}

export function heldAnnouncements(count: number, seconds: number): Attack {
  return {
    name: 'held announcements',
    describe: `${count} uploads of 60 MB that are announced and never sent`,
    expected: /^(held|408|closed)$/,
    run: ({ port }) => heldUploads(port, count, 0, seconds),
  };
}

export function slowDrips(count: number, seconds: number): Attack {
  return {
    name: 'slow drips',
    describe: `${count} uploads of one client that send 50 MB and then a byte a second`,
    // What fills the memory is refused.
    expected: /^(held|408|503|closed)$/,
    run: ({ port }) => heldUploads(port, count, 50_000_000, seconds),
  };
}

export function rebinding(): Attack {
  const names = ['evil.example', 'evil.example:8000', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'];
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const requests = names.flatMap((name) => [
    `GET /v1/models HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
    `GET /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: http://${name}\r\nConnection: close\r\n\r\n`,
    `GET /v1/live HTTP/1.1\r\nHost: ${name}\r\nOrigin: http://${name}\r\n${upgrade}\r\n`,
  ]);
  return {
    name: 'rebinding',
    describe: `${requests.length} requests under names, and from pages, that are not ours`,
    expected: /^403$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently(requests, 8, undefined, async (bytes) => {
        responses.add(lastStatus(await exchange(port, [bytes])));
      });
      return responses;
    },
  };
}

/** The folder of models is a file for a while, then gone, then empty. */
export function unreadableFolder(): Attack {
  return {
    name: 'unreadable folder',
    describe: 'the folder of models is a file, then gone, then empty, for 3 s each',
    expected: /^$/,
    async run({ dir }) {
      const folder = `${dir}/models`;
      await rename(folder, `${folder}.away`);
      for (const spoil of [() => writeFile(folder, ''), async () => {}, () => mkdir(folder)]) {
        await spoil();
        await sleep(3000);
        await rm(folder, { recursive: true, force: true });
      }
      await rename(`${folder}.away`, folder);
      return new ResponseCounts();
    },
  };
}
