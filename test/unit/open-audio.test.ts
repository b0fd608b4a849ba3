import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FfmpegDecoder, LogMel } from '../../bindings/audio.ts';
import { AudioError } from '../../bindings/errors.ts';
import type { DecoderRoute } from '../../src/audio/AudioSource.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { decodeLimits } from '../../src/audio/limits.ts';
import { type OpenAudioOptions, openAudio } from '../../src/audio/openAudio.ts';
import { resampled } from '../../src/audio/resample.ts';
import { composeConfig } from '../../src/config/compose.ts';
import { defaultLimits } from '../../src/prediction/options.ts';
import { chirpInNoise, gathered, largestDifference } from '../helpers/signal.ts';
import { warningsOf } from '../helpers/warningsOf.ts';
import { int16, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const test = suite('open-audio');
const rate = 22050;
const mono = chirpInNoise(rate, 3 * rate, 4);
// Two channels that differ, so that a wrong downmix shows.
const stereo = Float32Array.from(
  { length: 2 * mono.length },
  (_, i) => (mono[i >> 1] as number) * (i % 2 === 0 ? 1 : 0.25),
);
const file = wav({ data: int16(stereo), channels: 2, rate });
const ffmpeg = findFfmpeg();
const needsFfmpeg = ffmpeg === null ? test.skip : test;
const routes: DecoderRoute[] = ['wasm'];
if (ffmpeg !== null) routes.push('ffmpeg-cli');
if (FfmpegDecoder.available) routes.push('ffmpeg');

async function decode(source: string | Uint8Array, options?: OpenAudioOptions) {
  await using audio = await openAudio(source, options);
  const samples = await gathered(audio.blocks());
  return { samples, info: audio.info, damaged: audio.damaged, truncated: audio.truncated };
}

async function refusal(source: string | Uint8Array, options?: OpenAudioOptions): Promise<AudioError> {
  try {
    await decode(source, options);
  } catch (error) {
    assert.instance(error, AudioError);
    return error as AudioError;
  }
  throw new Error('was not refused');
}

function encode(dir: string, name: string, ...args: string[]): string {
  const path = join(dir, name);
  execFileSync(ffmpeg as string, ['-v', 'error', '-y', '-i', join(dir, 'original.wav'), ...args, path]);
  return path;
}

async function logMelOf(samples: Float32Array): Promise<Float32Array> {
  using logMel = new LogMel({
    sampleRateHz: rate,
    nFft: 1024,
    hopSamples: 320,
    nMels: 80,
    fMinHz: 60,
    fMaxHz: 10800,
    logOffset: 1e-6,
    background: 'none',
  });
  return (await logMel.compute(samples)).data;
}

test('a WAV file is read by our own decoder, from a path or from bytes', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "a, b's #1 é🐦.mp3");
    await writeFile(path, file);
    const fromPath = await decode(path);
    assert.is(fromPath.info.decoder, 'wav');
    assert.is(fromPath.info.channels, 2);
    assert.is(fromPath.samples.length, mono.length);
    assert.equal((await decode(file)).samples, fromPath.samples);
  });
});

needsFfmpeg('samples at another rate are those of the blocks, resampled, bit for bit by every route', async () => {
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    const paths = [join(dir, 'original.wav'), encode(dir, 'a.flac'), encode(dir, 'a.mp3', '-b:a', '128k')];
    let compared = 0;
    for (const path of paths) {
      for (const route of ['wav', ...routes] as const) {
        if ((route === 'wav') !== path.endsWith('.wav')) continue;
        for (const targetHz of [rate, 16_000]) {
          await using blocks = await openAudio(path, { decoders: [route] });
          await using direct = await openAudio(path, { decoders: [route] });
          const expected = await gathered(resampled(blocks.blocks(), rate, targetHz));
          const samples = await gathered(direct.samplesAt(targetHz));
          assert.equal(samples, expected, `${path} by ${route} at ${targetHz}`);
          assert.is(direct.decodedSamples, (await decode(path, { decoders: [route] })).samples.length);
          compared++;
        }
      }
    }
    assert.ok(compared >= 10, `${compared}`);
  });
});

needsFfmpeg('lossless formats give the same log-mel within 1e-3 by every route', async () => {
  const expected = await logMelOf((await decode(file)).samples);
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    const lossless = [
      encode(dir, 'a.flac'),
      encode(dir, 'a.ogg', '-c:a', 'flac'),
      encode(dir, 'b.wav', '-c:a', 'pcm_s24le'),
      encode(dir, 'c.wav', '-c:a', 'pcm_f32le'),
      encode(dir, 'a.aiff'),
      encode(dir, 'alac.m4a', '-c:a', 'alac'),
    ];
    let compared = 0;
    for (const path of lossless) {
      for (const route of routes) {
        if (route === 'wasm' && !/flac|ogg/.test(path)) continue;
        for (const source of [path, await readFile(path)]) {
          const { samples, info } = await decode(source, { decoders: [route] });
          assert.is(info.decoder, route);
          assert.is(info.sampleRateHz, rate);
          const error = largestDifference(await logMelOf(samples), expected);
          assert.ok(error < 1e-3, `${path} by ${route}: ${error}`);
          compared++;
        }
      }
    }
    assert.ok(compared >= 16);
  });
});

needsFfmpeg('every route gives a lossy file the same length and nearly the same samples', async () => {
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    const lossy: readonly (readonly [string, number])[] = [
      [encode(dir, 'a.mp3', '-b:a', '128k'), 1e-4],
      [encode(dir, 'a.ogg', '-c:a', 'libvorbis'), 1e-4],
      // Opus decoders may differ in the last bits of their fixed or floating arithmetic, and in the tail.
      [encode(dir, 'a.opus', '-c:a', 'libopus'), 2e-3],
    ];
    for (const [path, tolerance] of lossy) {
      const answers = [];
      for (const route of routes) answers.push(await decode(path, { decoders: [route] }));
      const [first, ...others] = answers;
      for (const other of others) {
        assert.is(other.info.sampleRateHz, first?.info.sampleRateHz);
        assert.is(other.samples.length, first?.samples.length, `${path}: ${other.info.decoder}`);
        const error = largestDifference(other.samples, first?.samples as Float32Array);
        assert.ok(error < tolerance, `${path}: ${other.info.decoder} differs by ${error}`);
      }
    }
  });
});

needsFfmpeg('tags, durations and m4a come through both FFmpeg routes', async () => {
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    const path = encode(dir, 'a.m4a', '-c:a', 'aac', '-metadata', 'title=Dawn: one', '-metadata', 'artist=Ann');
    for (const route of routes.filter((route) => route !== 'wasm')) {
      const { samples, info, truncated } = await decode(path, { decoders: [route] });
      assert.is(info.codec, 'aac');
      assert.is(info.tags['title'], 'Dawn: one');
      assert.is(info.tags['artist'], 'Ann');
      assert.ok(Math.abs(samples.length / rate - 3) < 0.1);
      assert.ok(Math.abs((info.declaredDurationS as number) - 3) < 0.1);
      assert.is(truncated, false);
    }
    const error = await refusal(path, { decoders: ['wav', 'wasm'] });
    assert.is(error.code, 'unsupported_codec');
    assert.match(error.message, /Decoding m4a needs FFmpeg, which was not found: install it .*apt install ffmpeg/);
  });
});

needsFfmpeg('damaged and cut files give what is there, or an AudioError', async () => {
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    for (const name of ['a.mp3', 'a.flac', 'a.ogg', 'a.opus']) {
      const whole = await readFile(encode(dir, name));
      for (const route of routes) {
        const half = await decode(whole.subarray(0, whole.length / 2), { decoders: [route] });
        const seconds = half.samples.length / half.info.sampleRateHz;
        assert.ok(seconds > 0.2 && seconds < 2.2, `${name} by ${route}: ${seconds} s`);
        const holed = Buffer.from(whole);
        for (let i = 3000; i < holed.length; i += 1371) holed.fill(0x55, i, i + 40);
        try {
          await decode(holed, { decoders: [route] });
        } catch (error) {
          assert.instance(error, AudioError, `${name} by ${route}: ${error}`);
        }
      }
    }
    if (FfmpegDecoder.available) {
      const flac = await readFile(join(dir, 'a.flac'));
      const cut = await decode(flac.subarray(0, flac.length / 2), { decoders: ['ffmpeg'] });
      assert.is(cut.truncated, true);
    }
  });
});

needsFfmpeg('a limit on the duration stops every decoder on the way', async () => {
  await withTempDir(async (dir) => {
    await writeFile(join(dir, 'original.wav'), file);
    const path = encode(dir, 'a.mp3');
    for (const route of routes) {
      assert.is((await refusal(path, { decoders: [route], limits: { maxDurationS: 1 } })).code, 'too_long', route);
      assert.is(
        (await refusal(path, { decoders: [route], limits: { maxChannels: 1 } })).code,
        'too_many_channels',
        route,
      );
      assert.is(
        (await refusal(path, { decoders: [route], limits: { maxSampleRateHz: 8000 } })).code,
        'bad_rate',
        route,
      );
    }
  });
});

test('each kind of bad file has its code and says what to do', async () => {
  await withTempDir(async (dir) => {
    const cases: (readonly [string | Uint8Array, string, RegExp])[] = [
      [new Uint8Array(0), 'empty_file', /no bytes/],
      [Buffer.from('species,file\nx,y\n'), 'not_audio', /no recording but a text/],
      [Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'), 'not_audio', /a PNG picture/],
      [Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251), 'not_audio', /not recognise/],
      [join(dir, 'missing.wav'), 'unreadable', /no such file/],
      [wav({ data: new Uint8Array(0) }), 'no_samples', /no samples/],
    ];
    await mkdir(join(dir, 'folder.mp3'));
    await symlink(join(dir, 'loop.wav'), join(dir, 'loop.wav'));
    cases.push([join(dir, 'folder.mp3'), 'unreadable', /directory/], [join(dir, 'loop.wav'), 'unreadable', /loop/]);
    for (const [source, code, message] of cases) {
      const error = await refusal(source);
      assert.is(error.code, code);
      assert.match(error.message, message);
    }
  });
});

test('a tag before the WAV header is passed over, by every route', async () => {
  const tag = Buffer.from('ID3\x03\0\0\0\0\x02\0', 'latin1');
  const tagged = Buffer.concat([tag, Buffer.alloc(256), file]);
  const expected = await decode(file);
  for (const route of ['wav', ...routes.filter((route) => route !== 'wasm')] as const) {
    const { samples, info } = await decode(tagged, { decoders: [route] });
    assert.is(info.decoder, route);
    assert.equal(samples, expected.samples);
  }
});

test('a WAV format that nobody knows is named, and FFmpeg is recommended only where it is missing', async () => {
  const unknown = wav({ tag: 0x4157, data: int16(mono) });
  assert.is(
    (await refusal(unknown, { decoders: ['wav', 'wasm'] })).message,
    'The WAV file holds format 0x4157 with 16 bits, not PCM, which needs FFmpeg: install FFmpeg, or convert the file to PCM',
  );
  if (routes.length === 1) return;
  const { code, message } = await refusal(unknown);
  assert.is(code, 'unsupported_codec');
  assert.is(
    message,
    'The WAV file holds format 0x4157 with 16 bits, not PCM, and FFmpeg does not decode it either: convert the file to PCM',
  );
});

test('an aborted signal ends opening and reading with its reason', async () => {
  const reason = new Error('enough');
  try {
    await openAudio(file, { signal: AbortSignal.abort(reason) });
    assert.unreachable();
  } catch (error) {
    assert.is(error, reason);
  }
  const controller = new AbortController();
  const audio = await openAudio(file, { signal: controller.signal });
  try {
    for await (const _ of audio.blocks()) controller.abort(reason);
    assert.unreachable();
  } catch (error) {
    assert.is(error, reason);
  } finally {
    await audio.close();
  }
});

needsFfmpeg('one signal over many recordings is no leak of listeners', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'tone.wav');
    await writeFile(path, file);
    const { signal } = new AbortController();
    const open = () => openAudio(path, { signal, decoders: ['ffmpeg-cli'] });
    const warnings = await warningsOf(async () => {
      for (const audio of await Promise.all(Array.from({ length: 12 }, open))) await audio.close();
    });
    assert.equal(warnings, []);
  }),
);

test('an ffmpeg that cannot be started costs the recording, with the reason, whatever the cause', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'tone.bin');
    await writeFile(path, file);
    const program = join(dir, 'ffmpeg');
    await writeFile(program, '#!/bin/sh\n', { mode: 0o644 });
    const route = new URL('../../src/audio/ffmpegCliRoute.ts', import.meta.url);
    const opening = `const { openFfmpegCli } = await import(${JSON.stringify(route)});
      const { defaultDecodeLimits: limits } = await import(${JSON.stringify(new URL('limits.ts', route))});
      const { openSync } = await import('node:fs');
      const input = { source: ${JSON.stringify(path)}, range: null, limits, signal: undefined };
      const code = (program) => openFfmpegCli(input, program).then(() => 'opened', ({ name, code, message }) => [name, code, message].join(' '));
      console.log(await code(${JSON.stringify(program)}));
      try { for (;;) openSync('/dev/null'); } catch {}
      console.log(await code('/bin/sh'));
      process.exit(0);`;
    const command = 'ulimit -n 256; exec "$0" --import tsx --input-type=module -e "$1"';
    const [denied, crowded] = execFileSync('/bin/sh', ['-c', command, process.execPath, opening], { encoding: 'utf8' })
      .trim()
      .split('\n');
    assert.match(denied ?? '', /^AudioError unreadable .*could not be started \(spawn .*EACCES\)/);
    assert.match(crowded ?? '', /^AudioError unreadable .*could not be started \(spawn .*EMFILE\)/);
  }));

test('the limits of the library are those of the configuration', () => {
  const { config } = composeConfig(['data.raw_dir=x']);
  const { maxFileBytes } = config.data;
  assert.equal(defaultLimits, { ...decodeLimits(config.data), maxFileBytes });
});

test('only the decoders that are named are used', async () => {
  assert.is((await refusal(file, { decoders: ['wasm'] })).code, 'unsupported_codec');
  try {
    await openAudio(file, { decoders: ['mp3' as 'wav'] });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /one of wav, ffmpeg, ffmpeg-cli, wasm for decoders but received "mp3"/);
  }
});

test.run();
