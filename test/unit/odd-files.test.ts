/** Odd files through every decoder that is there: the same sound, length, tags and warnings from each. */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FfmpegDecoder } from '../../bindings/audio.ts';
import type { DecoderRoute } from '../../src/audio/AudioSource.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { openAudio } from '../../src/audio/openAudio.ts';
import { warningsOf } from '../../src/audio/warnings.ts';
import { recordedAtFromTags } from '../../src/data/recordedAt.ts';
import { chirpInNoise, gathered, largestDifference } from '../helpers/signal.ts';
import { int16, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

// time-limit: 300
const test = suite('odd-files');
const ffmpeg = findFfmpeg();
const needsFfmpeg = ffmpeg === null ? test.skip : test;
const routes: DecoderRoute[] = ['wasm', 'ffmpeg-cli', ...(FfmpegDecoder.available ? (['ffmpeg'] as const) : [])];
const rate = 22_050;
const seconds = 3;

/** `encode(name, args)`: the bytes of a file that ffmpeg made of some seconds of sound. */
async function encoderIn(dir: string, seed: number, lengthS = seconds) {
  const original = join(dir, `${seed}.wav`);
  await writeFile(original, wav({ rate, data: int16(chirpInNoise(rate, lengthS * rate, seed)) }));
  return async (name: string, ...args: string[]): Promise<Buffer> => {
    const path = join(dir, name);
    execFileSync(ffmpeg as string, ['-v', 'error', '-y', '-i', original, ...args, path]);
    return await readFile(path);
  };
}

async function read(bytes: Uint8Array, route: DecoderRoute) {
  await using audio = await openAudio(bytes, { decoders: [route] }).catch((error) => {
    throw new Error(`${route}: ${error.message}`);
  });
  const samples = await gathered(audio.blocks());
  return { samples, info: audio.info, warnings: warningsOf(audio), truncated: audio.truncated };
}

interface Expected {
  readonly durationS: number;
  readonly warnings?: readonly RegExp[];
  /** Largest difference between two decoders. */
  readonly tolerance: number;
  /** Of their lengths, where a decoder may conceal or drop the last, cut frame. */
  readonly lengthS?: number;
}

async function sameByEveryRoute(name: string, bytes: Uint8Array, expected: Expected): Promise<void> {
  const { durationS, warnings = [], tolerance, lengthS = 0 } = expected;
  const results = [];
  for (const route of routes) results.push([route, await read(bytes, route)] as const);
  const [, first] = results[0] as (typeof results)[number];
  for (const [route, result] of results) {
    const what = `${name} by ${route}`;
    const { sampleRateHz } = result.info;
    assert.ok(
      Math.abs(result.samples.length / sampleRateHz - durationS) <= 0.12,
      `${what}: ${result.samples.length / sampleRateHz} s`,
    );
    assert.is(sampleRateHz, first.info.sampleRateHz, what);
    assert.ok(Math.abs(result.samples.length - first.samples.length) <= lengthS * sampleRateHz, what);
    // Not the stretch around a cut or a joint, where decoders fade differently.
    const common = Math.min(result.samples.length, first.samples.length) - Math.round(lengthS * sampleRateHz);
    const difference = largestDifference(result.samples.subarray(0, common), first.samples.subarray(0, common));
    assert.ok(difference <= tolerance, `${what}: differs by ${difference}`);
    assert.is(result.warnings.length, warnings.length, `${what}: ${result.warnings.join('; ')}`);
    for (const [i, warning] of warnings.entries()) assert.match(result.warnings[i] ?? '', warning, what);
  }
}

const codecs = [
  ['vorbis', 'ogg', 2e-4, ['-c:a', 'libvorbis']],
  ['opus', 'opus', 4e-3, ['-c:a', 'libopus']],
  ['flac in ogg', 'ogg', 5e-5, ['-c:a', 'flac']],
  ['flac', 'flac', 5e-5, []],
] as const;

needsFfmpeg('recordings behind one another in a file are read as one, whatever their rates and channels', () =>
  withTempDir(async (dir) => {
    const [one, other] = [await encoderIn(dir, 1), await encoderIn(dir, 2)];
    const chained = /^the file holds 2 recordings one behind the other: they are read as one$/;
    for (const [name, extension, tolerance, args] of codecs) {
      const first = await one(`a.${extension}`, ...args);
      for (const [what, more] of [
        ['equal', []],
        ['stereo', ['-ac', '2']],
        ['rate', ['-ar', name === 'opus' ? '24000' : '44100']],
      ] as const) {
        const file = Buffer.concat([first, await other(`b.${extension}`, ...args, ...more)]);
        const isOtherRate = what === 'rate' && name !== 'opus';
        await sameByEveryRoute(`${name}, ${what}`, file, {
          durationS: 2 * seconds,
          tolerance: isOtherRate ? 10 * tolerance : tolerance,
          warnings: [
            chained,
            ...(isOtherRate ? [/^recording 2 of them has 44100 Hz and is resampled to 22050 Hz$/] : []),
          ],
        });
      }
      await sameByEveryRoute(`${name}, twice the same`, Buffer.concat([first, first]), {
        durationS: 2 * seconds,
        tolerance,
        warnings: [chained],
      });
    }
  }),
);

needsFfmpeg('a file that was cut off gives what is there and says so', () =>
  withTempDir(async (dir) => {
    const wholeS = 12;
    const encode = await encoderIn(dir, 3, wholeS);
    const files = [
      ...codecs,
      ['mp3', 'mp3', 2e-4, ['-q:a', '6']],
      ['mp3 without a Xing header', 'mp3', 2e-4, ['-b:a', '64k', '-write_xing', '0']],
    ] as const;
    for (const [name, extension, tolerance, args] of files) {
      const whole = await encode(`a.${extension}`, ...args);
      for (const route of routes) assert.equal((await read(whole, route)).warnings, [], `${name} by ${route}`);
      for (const share of [1 / 3, 2 / 3]) {
        const file = whole.subarray(0, Math.round(whole.length * share) + 7);
        for (const route of routes) {
          const { samples, info, truncated, warnings } = await read(file, route);
          const what = `${name}, ${share} by ${route}: ${samples.length / info.sampleRateHz} s`;
          assert.is(truncated, true, what);
          assert.match(warnings[0] ?? '', /^the file ends before its header says; what is there is used$/);
          const most = wholeS * share + 0.4;
          assert.ok(samples.length / info.sampleRateHz < most, what);
          // Pages of Ogg hold up to a second.
          assert.ok(
            samples.length / info.sampleRateHz >
              seconds * share - (extension === 'ogg' || extension === 'opus' ? 1.3 : 0.4),
            what,
          );
        }
        const lengths = new Set<number>();
        for (const route of routes) lengths.add((await read(file, route)).samples.length / rate);
        assert.ok(Math.max(...lengths) - Math.min(...lengths) < 0.3, `${name}, ${share}: ${[...lengths]}`);
      }
      assert.ok(tolerance > 0);
    }
  }),
);

needsFfmpeg('the date in a tag is known by every route', () =>
  withTempDir(async (dir) => {
    const encode = await encoderIn(dir, 4);
    const tags = [
      '-metadata',
      'date=2023-05-14T05:30:00+10:00',
      '-metadata',
      'title=Dämmerung',
      '-metadata',
      'comment=at the pond',
    ];
    const files = [
      await encode('a.flac', ...tags),
      await encode('a.ogg', '-c:a', 'libvorbis', ...tags),
      await encode('a.opus', '-c:a', 'libopus', ...tags),
      await encode('b.ogg', '-c:a', 'flac', ...tags),
      await encode('a.mp3', ...tags),
      await encode('b.mp3', '-id3v2_version', '3', ...tags),
    ];
    for (const [i, file] of files.entries()) {
      for (const route of routes) {
        const { info } = await read(file, route);
        const what = `${i} by ${route}: ${JSON.stringify(info.tags)}`;
        assert.is(info.tags['title'], 'Dämmerung', what);
        assert.match(info.tags['date'] ?? '', i === 5 ? /^2023/ : /^2023-05-14T05:30:00\+10:00$/, what);
        if (i < 5) assert.is(recordedAtFromTags(info.tags), '2023-05-14T05:30:00+10:00', what);
      }
    }
  }),
);

needsFfmpeg('garbage before the first frame and tags before FLAC are passed over by every route', () =>
  withTempDir(async (dir) => {
    const encode = await encoderIn(dir, 5);
    const mp3 = await encode('a.mp3', '-b:a', '64k', '-id3v2_version', '0');
    const garbage = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 37) % 200));
    await sameByEveryRoute('garbage before mp3', Buffer.concat([garbage, mp3]), {
      durationS: seconds,
      tolerance: 2e-4,
      lengthS: 0.1,
    });
    const tag = Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\x02\0', 'latin1'), Buffer.alloc(256)]);
    await sameByEveryRoute('a tag before FLAC', Buffer.concat([tag, await encode('a.flac')]), {
      durationS: seconds,
      tolerance: 5e-5,
    });
  }),
);

needsFfmpeg('MP3 files of other rates that were joined are resampled by every route', () =>
  withTempDir(async (dir) => {
    const [one, other] = [await encoderIn(dir, 6), await encoderIn(dir, 7)];
    const args = ['-b:a', '64k', '-write_xing', '0', '-id3v2_version', '0'];
    const file = Buffer.concat([await one('a.mp3', ...args), await other('b.mp3', ...args, '-ar', '44100')]);
    for (const route of routes) {
      const { samples } = await read(file, route);
      assert.ok(Math.abs(samples.length / rate - 2 * seconds) < 0.3, `${route}: ${samples.length / rate} s`);
    }
  }),
);

test.run();
