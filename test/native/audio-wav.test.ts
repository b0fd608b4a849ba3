import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChannelMixer, FfmpegDecoder, RecordingEncoder, WavDecoder } from '../../bindings/audio.ts';
import { AudioError, DisposedError, InvalidArgumentError } from '../../bindings/errors.ts';
import type { DecodeLimits } from '../../bindings/native.ts';
import { rejects } from '../helpers/rejects.ts';
import { chirpInNoise } from '../helpers/signal.ts';
import { chunk, int16, type WavShape, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const limits: DecodeLimits = { maxChannels: 8, maxSampleRateHz: 400_000, maxDurationS: 3600 };

async function decode(bytes: Uint8Array | string, block = 1000, within = limits) {
  using decoder = await WavDecoder.open(bytes, { limits: within });
  const out: number[] = [];
  for (let part = await decoder.read(block); part !== null; part = await decoder.read(block)) out.push(...part);
  return { out: Float32Array.from(out), info: decoder.info, ...decoder.progress };
}

async function refusal(bytes: Uint8Array | string, within = limits): Promise<AudioError> {
  try {
    await decode(bytes, 1000, within);
  } catch (error) {
    assert.instance(error, AudioError);
    return error as AudioError;
  }
  throw new Error('was not refused');
}

/** The same few values in every sample format. */
const values = [0, 0.5, -0.5, 0.25, -1, 0.75];
const bytesOf = (count: number, write: (out: Buffer, i: number) => void) => {
  const out = Buffer.alloc(count);
  for (let i = 0; i < values.length; i++) write(out, i);
  return out;
};
const value = (i: number) => values[i] as number;
const formats: Readonly<Record<string, WavShape>> = {
  pcm_u8: { bits: 8, data: bytesOf(6, (out, i) => out.writeUInt8(Math.round(value(i) * 128) + 128, i)) },
  pcm_s16: { bits: 16, data: bytesOf(12, (out, i) => out.writeInt16LE(value(i) * 32768, 2 * i)) },
  pcm_s24: { bits: 24, data: bytesOf(18, (out, i) => out.writeIntLE(value(i) * 8388608, 3 * i, 3)) },
  pcm_s32: { bits: 32, data: bytesOf(24, (out, i) => out.writeInt32LE(value(i) * 2147483648, 4 * i)) },
  pcm_f32: { tag: 3, bits: 32, data: bytesOf(24, (out, i) => out.writeFloatLE(value(i), 4 * i)) },
  pcm_f64: { tag: 3, bits: 64, data: bytesOf(48, (out, i) => out.writeDoubleLE(value(i), 8 * i)) },
};

test('every linear sample format reads as the same values', async () => {
  for (const [codec, shape] of Object.entries(formats)) {
    for (const form of ['RIFF', 'RF64', 'BW64'] as const) {
      for (const extensible of [false, true]) {
        const { out, info, truncated, damaged } = await decode(wav({ ...shape, form, extensible }));
        assert.equal([...out], values, `${codec} ${form} ${extensible}`);
        assert.is(info.codec, codec);
        assert.is(info.sampleRateHz, 16000);
        assert.is(truncated, false);
        assert.is(damaged, 0);
      }
    }
  }
});

test('big-endian RIFX is read', async () => {
  const data = Buffer.from((formats['pcm_s16'] as WavShape).data).swap16();
  assert.equal([...(await decode(wav({ form: 'RIFX', data }))).out], values);
});

test('A-law and mu-law follow G.711', async () => {
  const codes = Uint8Array.of(0xd5, 0x55, 0x80, 0x2a, 0xaa);
  const alaw = await decode(wav({ tag: 6, bits: 8, data: codes }));
  assert.equal(
    [...alaw.out].map((x) => x * 32768),
    [8, -8, 5504, -32256, 32256],
  );
  const mulaw = await decode(wav({ tag: 7, bits: 8, data: Uint8Array.of(0xff, 0x7f, 0x80, 0x00, 0xef) }));
  assert.equal(
    [...mulaw.out].map((x) => x * 32768),
    [0, -0, 32124, -32124, 132],
  );
});

test('channels are averaged, and the block size does not matter', async () => {
  const left = chirpInNoise(16000, 3000, 1);
  const right = chirpInNoise(16000, 3000, 2);
  const both = Float32Array.from({ length: 6000 }, (_, i) => (i % 2 === 0 ? left : right)[i >> 1] as number);
  const file = wav({ tag: 3, bits: 32, channels: 2, data: new Uint8Array(both.buffer) });
  const mixer = new ChannelMixer(0, 16_000);
  const mean = mixer.planar([left, right]);
  assert.equal(mixer.interleaved(both, 2), mean);
  assert.equal((await decode(file, 1)).out, mean);
  assert.equal((await decode(file, 100_000)).out, mean);
  assert.is(mean[77], Math.fround(Math.fround((left[77] as number) + (right[77] as number)) / 2));
});

test('chunks may come in any order, with odd sizes, and tags are read as text', async () => {
  const info = Buffer.concat([
    Buffer.from('INFO'),
    chunk('ICMT', Buffer.from('odd one')),
    chunk('IART', Buffer.from('Ann')),
  ]);
  const bext = Buffer.alloc(602);
  bext.write('a description', 0);
  bext.write('2020-05-14', 320);
  bext.write('05:30:00', 330);
  const guano = Buffer.from(
    'GUANO|Version: 1.0\nTimestamp: 2020-05-14T05:30:00-07:00\nLoc Position: 1 2\nNote: \xe9',
    'latin1',
  );
  const { out, info: read } = await decode(
    wav({
      data: int16(values),
      formatLast: true,
      before: [chunk('JUNK', Buffer.alloc(5)), chunk('bext', bext)],
      after: [chunk('LIST', info), chunk('guan', guano)],
    }),
  );
  assert.is(out.length, values.length);
  assert.equal(read.tags, {
    description: 'a description',
    origination_date: '2020-05-14',
    origination_time: '05:30:00',
    comment: 'odd one',
    artist: 'Ann',
    'guano.GUANO|Version': '1.0',
    'guano.Timestamp': '2020-05-14T05:30:00-07:00',
    'guano.Loc Position': '1 2',
    'guano.Note': 'é',
  });
});

test('tags without end are left out, whoever reads them', async () => {
  const many = Array.from({ length: 600 }, (_, i) => chunk(`X${100 + i}`, Buffer.from('x')));
  const long = chunk('ICMT', Buffer.alloc(100_000, 'y'));
  const info = Buffer.concat([Buffer.from('INFO'), chunk('IART', Buffer.from('Ann')), ...many, long]);
  const bytes = wav({ data: int16(values), before: [chunk('LIST', info)] });
  for (const decoder of [WavDecoder, ...(FfmpegDecoder.available ? [FfmpegDecoder] : [])]) {
    using opened = await decoder.open(bytes, { limits });
    const { tags } = opened.info;
    assert.is(tags['artist'], 'Ann', decoder.name);
    assert.ok(Object.keys(tags).length <= 512, `${decoder.name}: ${Object.keys(tags).length} tags`);
    assert.ok(Object.values(tags).every(({ length }) => length <= 65_536));
  }
});

test('a limit that is no number is refused', async () => {
  for (const name of ['maxSampleRateHz', 'maxDurationS'] as const) {
    await rejects(
      WavDecoder.open(wav({ data: int16(values) }), { limits: { ...limits, [name]: Number.NaN } }),
      `Expected a number not below 0 for ${name} but received NaN of type number`,
    );
  }
});

test('a header that claims more than there is reads what is there', async () => {
  for (const declared of [1_000_000_000, 0xfffffff0]) {
    const { out, truncated, info } = await decode(wav({ data: int16(values), declared }));
    assert.is(out.length, values.length);
    assert.is(truncated, true);
    assert.is(info.declaredDurationS, Math.floor(declared / 2) / 16000);
  }
  for (const declared of [0, 0xffffffff]) {
    const { out, truncated, info } = await decode(wav({ data: int16(values), declared }));
    assert.is(out.length, values.length, 'a writer that never came back leaves the length open');
    assert.is(truncated, false);
    assert.is(info.declaredDurationS, null);
  }
  const cut = wav({ data: int16(values) });
  assert.is((await decode(cut.subarray(0, cut.length - 3))).out.length, values.length - 2);
});

test('samples that are not finite read as zero and are counted', async () => {
  const data = Buffer.alloc(20);
  [Number.NaN, 0.5, Number.POSITIVE_INFINITY, 1e30, -0.25].forEach((x, i) => {
    data.writeFloatLE(x, 4 * i);
  });
  const { out, damaged } = await decode(wav({ tag: 3, bits: 32, data }));
  assert.equal([...out], [0, 0.5, 0, 0, -0.25]);
  assert.is(damaged, 3);
});

test('each refusal has its code and says what to do', async () => {
  const data = int16(values);
  const cases: readonly (readonly [Uint8Array, string, RegExp])[] = [
    [new Uint8Array(0), 'empty_file', /no bytes/],
    [Buffer.from('just some text, long enough to be a header'), 'not_audio', /does not begin like a WAV/],
    [wav({ data: new Uint8Array(0) }), 'no_samples', /header but no samples/],
    [wav({ data: new Uint8Array(0), after: [chunk('LIST', Buffer.from('INFO'))] }), 'no_samples', /no samples/],
    [wav({ data }).subarray(0, 36), 'no_samples', /ends before its samples/],
    [wav({ data, channels: 9 }), 'too_many_channels', /9 channels, at most 8/],
    [wav({ data, channels: 0 }), 'unreadable', /no channels/],
    [wav({ data, rate: 0 }), 'bad_rate', /0 Hz, allowed are 100 to 400000/],
    [wav({ data, rate: 4_000_000_000 }), 'bad_rate', /4000000000 Hz/],
    [wav({ data, tag: 0x11, bits: 4 }), 'unsupported_codec', /holds ADPCM, not PCM/],
    [wav({ data, tag: 1, bits: 64 }), 'unsupported_codec', /64 bits/],
  ];
  for (const [bytes, code, message] of cases) {
    const error = await refusal(bytes);
    assert.is(error.code, code);
    assert.match(error.message, message);
  }
  assert.is((await refusal(wav({ data }), { ...limits, maxDurationS: 1e-4 })).code, 'too_long');
});

test('a path is read like bytes; a folder or a missing file is unreadable', async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, 'a.wav');
    await writeFile(path, wav({ data: int16(values) }));
    assert.is((await decode(path)).out.length, values.length);
    assert.match((await refusal(dir)).message, /directory, not a recording/);
    assert.match((await refusal(join(dir, 'b.wav'))).message, /no such file/);
  });
});

test('damaged headers never do more than throw an AudioError', async () => {
  const whole = wav({
    data: int16(chirpInNoise(16000, 200, 1)),
    form: 'RF64',
    after: [
      chunk('LIST', Buffer.concat([Buffer.from('INFO'), chunk('ICMT', Buffer.from('x'))])),
      chunk('guan', Buffer.from('a:b')),
    ],
  });
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let read = 0;
  for (let round = 0; round < 1500; round++) {
    const bytes = Uint8Array.from(whole);
    for (let change = 0; change <= random(4); change++)
      bytes[random(120)] = [0, 0xff, 0x7f, random(256)][random(4)] as number;
    const cut = random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    try {
      read += (await decode(cut)).out.length > 0 ? 1 : 0;
    } catch (error) {
      assert.instance(error, AudioError);
    }
  }
  assert.ok(read > 100);
});

test('two reads at once are answered in order; a disposed decoder says so', async () => {
  const decoder = await WavDecoder.open(wav({ data: int16(values) }), { limits });
  const [first, second, third] = await Promise.all([decoder.read(4), decoder.read(4), decoder.read(4)]);
  assert.is(first?.length, 4);
  assert.is(second?.length, 2);
  assert.is(third, null);
  decoder.dispose();
  decoder.dispose();
  try {
    await decoder.read();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, DisposedError);
  }
});

/** Pieces of any size go in; blocks of `blockSamples` come out. */
async function encoded(samples: Float32Array, blockSamples: number, piece = samples.length) {
  using encoder = new RecordingEncoder(8000, 8000, blockSamples);
  const pcm: number[] = [];
  const scales: number[] = [];
  for (let at = 0; at < samples.length; at += piece) {
    const stretch = await encoder.push(samples.subarray(at, at + piece));
    assert.is(stretch.pcm.length % blockSamples, 0);
    pcm.push(...stretch.pcm);
    scales.push(...stretch.scales);
  }
  const { whole, ...rest } = await encoder.finish();
  assert.ok(whole !== null);
  return { pcm: [...pcm, ...rest.pcm], scales: [...scales, ...rest.scales], whole };
}

test('samples that are not finite are stored as silence, and the block keeps its own level', async () => {
  const signal = Float32Array.of(
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0.25,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  );
  const { pcm, scales, whole } = await encoded(signal, 4);
  assert.not(Number.isFinite(whole.squares));
  assert.equal(pcm, [32767, 0, 0, -16384, 0, 0]);
  assert.equal(scales, [Math.fround(0.5 / 32767), Math.fround(1 / 32767)]);
});

test('int16 blocks keep quiet and loud stretches within half a step, however the samples arrive', async () => {
  const signal = chirpInNoise(1000, 2500, 1).map((x, i) => x * (i < 1000 ? 1e-4 : i < 2000 ? 30 : 0));
  const { pcm, scales, whole } = await encoded(signal, 1000, 333);
  assert.equal(whole, {
    audioHash: createHash('sha256').update(new Uint8Array(signal.buffer)).digest('hex'),
    sourceSamples: 2500,
    sampleCount: 2500,
    peak: signal.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0),
    squares: signal.reduce((sum, x) => sum + x * x, 0),
  });
  assert.is(pcm.length, 2500);
  assert.is(scales.length, 3);
  assert.is(scales[2], Math.fround(1 / 32767));
  for (let i = 0; i < pcm.length; i++) {
    const scale = scales[Math.floor(i / 1000)] as number;
    assert.ok(Math.abs((pcm[i] as number) * scale - (signal[i] as number)) <= scale * 0.501);
  }
  assert.throws(
    () => new RecordingEncoder(8000, 8000, 0),
    (error: unknown) => error instanceof InvalidArgumentError,
  );
  const mixer = new ChannelMixer(0, 16_000);
  assert.throws(() => mixer.interleaved(signal, 3), /a divisor of the 2500 samples for channels but received 3/);
  assert.throws(() => mixer.planar([signal, new Float32Array(1)]), /equal length but received 2500 and 1/);
});

test.run();
