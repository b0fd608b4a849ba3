/** Uploads that are too large, too small, cut short, or larger inside than outside. */
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { concurrently } from '../../src/concurrently.ts';
import { silentFlac } from '../../test/helpers/silentFlac.ts';
import { int16, wav } from '../../test/helpers/wav.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { exchange, lastStatus, post } from './wire.ts';

const boundary = 'x';
const formType = `Content-Type: multipart/form-data; boundary=${boundary}\r\n`;
const partHead = `--${boundary}\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n`;

export function form(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(partHead), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** `megabytes` that are announced, then chunks that are not, as a form and as a body. */
export function hugeUploads(count: number, megabytes: number): Attack {
  const block = Buffer.alloc(1 << 20);
  return {
    name: 'huge uploads',
    describe: `${count} uploads of ${megabytes} MB, announced and in chunks`,
    // The announced form has no end (400), and a client that goes on sending may lose the response with the connection.
    expected: /^(400|413|503|closed)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently([...Array(count).keys()], 8, undefined, async (i) => {
        const chunked = i % 2 === 0;
        const type = i % 4 < 2 ? formType : 'Content-Type: audio/wav\r\n';
        const first = i % 4 < 2 ? partHead : '';
        const bytes = first.length + megabytes * block.length;
        const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`;
        async function* parts() {
          yield `POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\n${type}${length}\r\n\r\n`;
          if (first !== '') yield chunked ? `${first.length.toString(16)}\r\n${first}\r\n` : first;
          for (let sent = 0; sent < megabytes; sent++) {
            if (chunked) yield `${block.length.toString(16)}\r\n`;
            yield block;
            if (chunked) yield '\r\n';
          }
          if (chunked) yield '0\r\n\r\n';
        }
        responses.add(lastStatus(await exchange(port, parts())));
      });
      return responses;
    },
  };
}

/** Half of what was announced, then the end or a reset. */
export function truncatedUploads(count: number): Attack {
  const body = form(wav({ data: int16(new Float32Array(16_000)), rate: 16_000 }));
  return {
    name: 'truncated uploads',
    describe: `${count} uploads that end or break in the middle`,
    expected: /^(400|422|closed|gone)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently([...Array(count).keys()], 16, undefined, async (i) => {
        const half = body.subarray(0, Math.floor((body.byteLength * ((i * 37) % 100)) / 100));
        const [head] = post('/v1/predictions', formType, body);
        if (i % 2 === 0) {
          responses.add(lastStatus(await exchange(port, [head, half], { end: true })));
          return;
        }
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(head);
        socket.write(half);
        await sleep(5);
        socket.resetAndDestroy();
        responses.add('gone');
      });
      return responses;
    },
  };
}

function silentByFfmpeg(...args: string[]): Uint8Array {
  const source = ['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo'];
  return execFileSync('ffmpeg', ['-v', 'error', ...source, ...args, 'pipe:1'], { maxBuffer: 2 ** 28 });
}

/** Hours of silence in kilobytes. Making the last two takes a minute. */
export function heavyBombs(): readonly Uint8Array[] {
  return [
    silentFlac(20 * 3600, { channels: 8 }),
    silentFlac(3500, { channels: 8 }),
    silentFlac(100 * 3600, { sampleRateHz: 8000 }),
    silentFlac(3000, { sampleRateHz: 768_000, channels: 8 }),
    silentByFfmpeg('-t', '4000', '-c:a', 'libopus', '-b:a', '6k', '-f', 'ogg'),
    silentByFfmpeg('-t', '4000', '-c:a', 'libvorbis', '-q:a', '-1', '-f', 'ogg'),
  ];
}

/** Few bytes of file, many of sound. */
export function bombs(files: () => readonly Uint8Array[]): Attack {
  return {
    name: 'decompression bombs',
    describe: 'hours of silence in kilobytes',
    // A slow machine gives up by the clock of the request.
    expected: /^(413|422|504)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently(files(), 2, undefined, async (bytes) => {
        const text = await exchange(port, post('/v1/predictions', 'Content-Type: audio/x\r\n', bytes), {
          timeoutMs: 60_000,
        });
        responses.add(lastStatus(text));
      });
      return responses;
    },
  };
}

/** WAV headers that promise what is not there. */
export function liars(): Attack {
  const honest = Buffer.from(wav({ data: int16(new Float32Array(1600)), rate: 16_000 }));
  const lie = (change: (file: Buffer) => void) => {
    const file = Buffer.from(honest);
    change(file);
    return file;
  };
  const files = [
    lie((file) => file.writeUInt32LE(0xffffffff, 40)),
    lie((file) => file.writeUInt32LE(0x7fffffff, 40)),
    lie((file) => file.writeUInt32LE(0, 40)),
    lie((file) => file.writeUInt32LE(0xffffffff, 4)),
    lie((file) => file.writeUInt16LE(65_535, 22)),
    lie((file) => file.writeUInt16LE(0, 22)),
    lie((file) => file.writeUInt32LE(0, 24)),
    lie((file) => file.writeUInt32LE(0xffffffff, 24)),
    lie((file) => file.writeUInt16LE(0, 32)),
    lie((file) => file.writeUInt16LE(65_535, 34)),
    lie((file) => file.writeUInt16LE(0xfffe, 20)),
    lie((file) => file.writeUInt32LE(0xffffffff, 16)),
    lie((file) => file.writeUInt32LE(0, 16)),
    honest.subarray(0, 44),
    honest.subarray(0, 20),
    Buffer.concat([honest.subarray(0, 12), Buffer.alloc(60_000, 'LIST\x04\0\0\0INFO', 'latin1')]),
  ];
  return {
    name: 'lying headers',
    describe: `${files.length} WAV files whose sizes, channels and rates are not true`,
    expected: /^(200|413|415|422)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently(files, 4, undefined, async (bytes) => {
        responses.add(lastStatus(await exchange(port, post('/v1/predictions', 'Content-Type: audio/wav\r\n', bytes))));
      });
      return responses;
    },
  };
}
