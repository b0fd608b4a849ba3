/** Forms and recordings with mistakes that nobody would make on purpose, from a seed. */
import { execFileSync } from 'node:child_process';
import { concurrently } from '../../src/concurrently.ts';
import { randomFor } from '../../src/random.ts';
import { int16, wav } from '../../test/helpers/wav.ts';
import type { Attack } from './Attack.ts';
import { ResponseCounts } from './ResponseCounts.ts';
import { form } from './uploads.ts';
import { exchange, lastStatus, post } from './wire.ts';

/** One to eight mistakes: bits, stretches of a byte, pieces that are lost, doubled or somewhere else, an early end. */
export function mutated(file: Uint8Array, seed: number): Uint8Array {
  const random = randomFor(seed, 'mistakes');
  const below = (limit: number) => random.int(limit);
  let bytes = Buffer.from(file);
  for (let left = 1 + below(8); left > 0 && bytes.length > 1; left--) {
    // Headers are where mistakes matter.
    const at = below(3) === 0 ? below(bytes.length) : below(Math.min(bytes.length, 200));
    const length = 1 + below(Math.min(64, bytes.length - at));
    switch (below(7)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << below(8));
        break;
      case 1:
        bytes.fill([0, 0xff, 0x7f, 0x80][below(4)] as number, at, at + length);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 4:
        bytes.copy(bytes, below(bytes.length), at, at + length);
        break;
      case 5:
        for (let i = at; i < at + length; i++) bytes[i] = below(256);
        break;
      default:
        if (below(4) === 0) bytes = bytes.subarray(0, at + 1);
        else bytes[at] = below(256);
    }
  }
  return bytes;
}

/** A second of sound in every container and codec that this ffmpeg writes. */
function seeds(): readonly (readonly [string, Uint8Array])[] {
  const formats: readonly (readonly [string, ...string[]])[] = [
    ['wav'],
    ['wav', '-c:a', 'pcm_f32le'],
    ['wav', '-c:a', 'adpcm_ms'],
    ['w64'],
    ['caf'],
    ['aiff'],
    ['au'],
    ['voc'],
    ['mp3'],
    ['flac'],
    ['ogg', '-c:a', 'libvorbis'],
    ['ogg', '-c:a', 'libopus'],
    ['ogg', '-c:a', 'flac'],
    ['adts'],
    ['ipod', '-movflags', 'frag_keyframe+empty_moov'],
    ['mov', '-c:a', 'alac', '-movflags', 'frag_keyframe+empty_moov'],
    ['matroska', '-c:a', 'libopus'],
    ['webm', '-c:a', 'libvorbis'],
    ['asf', '-c:a', 'wmav2'],
    ['ac3'],
    ['eac3'],
    ['tta'],
    ['wv'],
    ['mpegts', '-c:a', 'mp2'],
    ['avi', '-c:a', 'mp3'],
    ['flv', '-c:a', 'mp3', '-ar', '44100'],
  ];
  return formats.flatMap(([format, ...options]) => {
    const source = ['-f', 'lavfi', '-i', 'sine=f=3000:d=1:r=48000', '-metadata', 'title=a'];
    try {
      const args = ['-v', 'error', ...source, ...options, '-f', format, 'pipe:1'];
      return [[[format, ...options].join(' '), execFileSync('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] })]];
    } catch {
      return [];
    }
  });
}

export function fuzzedAudio(count: number): Attack {
  return {
    name: 'mutated audio',
    describe: `${count} recordings with mistakes, in all the formats that ffmpeg writes`,
    expected: /^(200|413|415|422)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      const files = seeds();
      if (files.length < 15) responses.problems.push(`only ${files.length} formats were written`);
      await concurrently([...Array(count).keys()], 4, undefined, async (i) => {
        const [name, file] = files[i % files.length] as (typeof files)[number];
        const text = await exchange(port, post('/v1/predictions', 'Content-Type: audio/x\r\n', mutated(file, i)), {
          timeoutMs: 60_000,
        });
        responses.add(lastStatus(text));
        if (/^(5|closed)/.test(lastStatus(text)))
          responses.problems.push(`${name}, seed ${i}: ${text.split('\r\n\r\n').at(-1)?.slice(0, 300)}`);
      });
      return responses;
    },
  };
}

const formType = 'Content-Type: multipart/form-data; boundary=x\r\n';

/** Forms that are wrong in ways of their own; the others are mutations. */
const oddities: readonly (readonly [headers: string, body: string])[] = [
  [formType, ''],
  [formType, '--x--\r\n'],
  [formType, '--x\r\n'],
  [formType, '--x\r\n\r\n--x--\r\n'],
  [formType, `--x\r\n${'A: b\r\n'.repeat(5000)}\r\n\r\n--x--\r\n`],
  [formType, `--x\r\nContent-Disposition: ${'a'.repeat(100_000)}\r\n\r\n--x--\r\n`],
  [formType, `--x\r\nContent-Disposition: form-data; name="${'a'.repeat(100_000)}"\r\n\r\nv\r\n--x--\r\n`],
  [formType, '--x\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nv\r\n--x--\r\n'],
  [formType, '--x\r\nContent-Disposition: form-data; name="constructor"; filename="a"\r\n\r\nv\r\n--x--\r\n'],
  [formType, '--x\r\nContent-Disposition: form-data; name="audio"; filename="../../etc/passwd"\r\n\r\nv\r\n--x--\r\n'],
  [formType, '--x\r\nContent-Disposition: form-data; name="audio"; filename="a\0b"\r\n\r\nv\r\n--x--\r\n'],
  [formType, "--x\r\nContent-Disposition: form-data; name*=utf-8''%zz; filename*=utf-8''%ff\r\n\r\nv\r\n--x--\r\n"],
  [formType, `${'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nv\r\n'.repeat(5000)}--x--\r\n`],
  [
    formType,
    `${'--x\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nv\r\n'.repeat(500)}--x--\r\n`,
  ],
  [formType, `${'\r\n--x'.repeat(50_000)}`],
  [formType, `${'-'.repeat(200_000)}`],
  ['Content-Type: multipart/form-data\r\n', '--x--\r\n'],
  ['Content-Type: multipart/form-data; boundary=\r\n', '--\r\n'],
  [`Content-Type: multipart/form-data; boundary=${'b'.repeat(5000)}\r\n`, `--${'b'.repeat(5000)}--\r\n`],
  ['Content-Type: multipart/form-data; boundary="x\r\n', '--x--\r\n'],
  ['Content-Type: multipart/mixed; boundary=x\r\n', '--x--\r\n'],
  ['Content-Type: multipart/form-data; boundary=x; boundary=y\r\n', '--y--\r\n'],
  ['Content-Type: application/json\r\n', `${'['.repeat(100_000)}`],
  ['Content-Type: application/json\r\n', '{"__proto__": {"a": 1}}'],
  ['Content-Type: application/x-www-form-urlencoded\r\n', 'audio=/etc/passwd'],
  ['Content-Type: a/b; c\r\n', 'x'],
  ['Content-Type: audio/wav; charset=\xff\r\n', 'x'],
  ['Content-Type: audio/wav\r\nContent-Encoding: gzip\r\n', '\x1f\x8b'],
  ['', 'x'],
];

export function malformedForms(count: number): Attack {
  const good = form(wav({ data: int16(new Float32Array(800)), rate: 16_000 }));
  // The sound is not the point here.
  const head = good.subarray(0, 200);
  return {
    name: 'malformed forms',
    describe: `${count} multipart bodies with mistakes`,
    expected: /^(200|400|413|415|422|closed)$/,
    async run({ port }) {
      const responses = new ResponseCounts();
      await concurrently([...Array(count).keys()], 8, undefined, async (i) => {
        const odd = oddities[i];
        const text =
          odd === undefined
            ? await exchange(port, post('/classify', formType, Buffer.concat([mutated(head, i), good.subarray(200)])))
            : await exchange(port, post('/classify', odd[0], Buffer.from(odd[1], 'latin1')));
        responses.add(lastStatus(text));
        if (/^5/.test(lastStatus(text)))
          responses.problems.push(`seed ${i}: ${text.split('\r\n\r\n').at(-1)?.slice(0, 300)}`);
      });
      return responses;
    },
  };
}
