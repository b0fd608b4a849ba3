/** The folder of jobs, where another process or the disk is in the way. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, readdir, utimes } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import fastify from 'fastify';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { handleErrors } from '../../services/http/errors.ts';
import { acceptUploads } from '../../services/http/receiveAudio.ts';
import { DiskRoom } from '../../services/jobs/DiskRoom.ts';
import { removeAbandoned, spoolUpload } from '../../services/jobs/spool.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('abandoned folders are removed also where another process removes some of them at the same time', () =>
  withTempDir(async (dir) => {
    const names = Array.from({ length: 4 }, (_, i) => String(i).repeat(32));
    for (const name of names) {
      await mkdir(`${dir}/${name}`);
      await utimes(`${dir}/${name}`, 0, 0);
    }
    const others = [names[0]];
    await removeAbandoned(dir, (name) => {
      if (others.pop() !== undefined) rmSync(`${dir}/${name}`, { recursive: true });
      return false;
    });
    assert.equal(await readdir(dir), []);
  }));

test('where the disk fails while an upload arrives, the client is not told that it cut it short', () =>
  withTempDir(async (dir) => {
    const app = fastify();
    handleErrors(app);
    await acceptUploads(app);
    const room = new DiskRoom(dir, { maxTotalBytes: 1e9, minFreeBytes: 0 });
    // A folder that cannot be made.
    const place = { dir, id: 'no/such', limits: { maxFileBytes: 1e9, maxFiles: 1 }, room };
    app.post('/', (request) => spoolUpload(request, place));
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\nContent-Length: 1000000\r\n\r\n');
    socket.write(chirpWav(1));
    const [head] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    await app.close();
    assert.match(head.toString(), /^HTTP\/1\.1 500 /);
  }));

test.run();
