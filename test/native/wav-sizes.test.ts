/** WAV files whose sizes lie, and those whose times have gaps. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AudioError, WavDecoder } from '../../bindings/index.ts';
import { gapSector, triggeredWav } from '../helpers/audioMoth.ts';
import { chirpInNoise } from '../helpers/signal.ts';
import { chunk, int16, type WavShape, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const limits = { maxChannels: 8, maxSampleRateHz: 400_000, maxDurationS: 1e6 };
const sound = chirpInNoise(16_000, 16_000, 1);
const data = int16(sound);
const list = chunk('LIST', Buffer.concat([Buffer.from('INFO'), chunk('ICMT', Buffer.from('a comment'))]));

async function decode(source: Uint8Array | string, block = 1 << 16, within = limits) {
  using decoder = await WavDecoder.open(source, { limits: within });
  const parts: Float32Array[] = [];
  for (let part = await decoder.read(block); part !== null; part = await decoder.read(block)) parts.push(part);
  const out = Float32Array.from(parts.flatMap((part) => [...part]));
  return { out, info: decoder.info, ...decoder.progress };
}

const whole = (await decode(wav({ data }))).out;

test('a data chunk that says less than there is gives all sound, with a warning', async () => {
  for (const declared of [44, 2000, 31_000]) {
    const { out, notes, truncated, info } = await decode(wav({ data, declared }));
    assert.equal(out, whole, `${declared}`);
    assert.match(notes[0] ?? '', /^the header says .* s of sound, but there are 1 s: all of it is used$/);
    assert.is(notes.length, 1);
    assert.is(truncated, false);
    assert.is(info.declaredDurationS, 1);
  }
  assert.match((await decode(wav({ data, declared: 44 }))).notes[0] ?? '', 'says 0.0014 s of sound');
  const { out, notes } = await decode(wav({ data, declared: 0 }));
  assert.equal(out, whole);
  assert.equal(notes, ["the header's length was never filled in: all sound up to the file's end is used"]);
});

test('what may lie behind the samples is no sound: chunks, a cut chunk, tags, reserved room', async () => {
  const cases: Readonly<Record<string, Partial<WavShape>>> = {
    nothing: {},
    chunks: { after: [list, chunk('junk', Buffer.alloc(7))] },
    'an unknown chunk': { after: [chunk('xyz1', Buffer.from('abcd'))] },
    'a cut chunk': { after: [list.subarray(0, 15)] },
    'a tag': { after: [Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125, 32)])] },
    'reserved room': { after: [Buffer.alloc(5000)] },
    'a stray byte': { after: [Buffer.from([1])] },
    'a huge LIST': { before: [chunk('LIST', Buffer.concat([Buffer.from('INFO'), Buffer.alloc(300_000, 65)]))] },
  };
  for (const [name, shape] of Object.entries(cases)) {
    const { out, notes, truncated } = await decode(wav({ data, ...shape }));
    assert.equal(out, whole, name);
    assert.equal(notes, [], name);
    assert.is(truncated, false, name);
  }
});

test('an odd chunk is followed by a padding byte or, from some writers, is not', async () => {
  const odd = chunk('junk', Buffer.alloc(5));
  for (const before of [odd, odd.subarray(0, odd.length - 1)]) {
    const { out, notes } = await decode(wav({ data, before: [before], after: [list] }));
    assert.equal([out.length, notes], [whole.length, []]);
  }
});

test('several data chunks and whole files behind one another are read in their order', async () => {
  const both = Float32Array.from([...whole, ...whole]);
  const second = await decode(wav({ data, after: [list, chunk('data', data)] }));
  assert.equal(second.out, both);
  assert.equal(second.notes, ['the sound lies in 2 separate places of the file: they are used one after the other']);
  assert.is(second.info.declaredDurationS, 2);
  const size = wav({ data }).length - 8;
  const twice = Buffer.concat([wav({ data }), wav({ data })]);
  twice.writeUInt32LE(size, size + 12);
  assert.equal((await decode(twice)).out, both);
  const empty = await decode(wav({ data: new Uint8Array(0), after: [chunk('data', data)] }));
  assert.equal(empty.out, whole);
  const other = Buffer.concat([wav({ data }), wav({ data, rate: 8000 })]);
  other.writeUInt32LE(size, size + 12);
  const first = await decode(other);
  assert.equal(first.out, whole);
  assert.equal(first.notes, ['another recording with another format follows in the same file: it is left out']);
});

test('a size that wrapped at 4 GiB is unwrapped, and chunks behind it are no sound', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'long.wav');
    const bytes = 2 ** 32 + 1000;
    const file = await open(path, 'w'); // sparse
    await file.write(wav({ data: data.subarray(0, 2000), declared: 1000 }));
    await file.write(list, 0, list.length, 44 + bytes);
    await file.close();
    using decoder = await WavDecoder.open(path, { limits });
    assert.is(decoder.info.declaredDurationS, bytes / 2 / 16_000);
    assert.is(decoder.info.tags['comment'], 'a comment');
    assert.match(
      decoder.progress.notes[0] ?? '',
      /^the header says 0.031 s of sound because its size wrapped at 4 GiB, but there are 134218 s: all of it is used$/,
    );
    const refusal = await WavDecoder.open(path, { limits: { ...limits, maxDurationS: 86_400 } }).catch(
      (error) => error,
    );
    assert.is((refusal as AudioError).code, 'too_long');
  }));

test('gaps of an AudioMoth with a trigger are silence of the right length, however the samples are read', async () => {
  const rate = 16_000;
  const [first, second] = [data.subarray(0, 512 * 20), data.subarray(512 * 30)];
  const file = triggeredWav(rate, [gapSector(60 * 31.25 * 2), first, gapSector(100), gapSector(7), second]);
  const samples = (bytes: Uint8Array) => new Float32Array(bytes.length / 2);
  const expected = [
    ...new Float32Array(60 * 31.25 * 2 * 256),
    ...whole.subarray(0, 256 * 20),
    ...new Float32Array(107 * 256),
    ...whole.subarray(256 * 30),
  ];
  assert.is(expected.length, 60 * rate + 107 * 256 + samples(first).length + samples(second).length);
  for (const block of [1, 100, 999, 1 << 16]) {
    if (block === 1) continue; // a crossing a sample takes long
    const { out, notes, truncated } = await decode(file, block);
    assert.equal([...out], expected, `${block}`);
    assert.equal(notes, [
      "an AudioMoth's trigger left out 3 gaps of 61.712 s in all: filled with silence, so that times are right",
    ]);
    assert.is(truncated, false);
  }
});

test('an expanded recording keeps to the limits of duration, and memory does not grow with its gaps', async () => {
  const hours = (count: number) => gapSector((count * 3600 * 16_000) / 256);
  const tooLong = triggeredWav(16_000, [hours(10), data.subarray(0, 512)]);
  const refusal = await decode(tooLong, 1 << 16, { ...limits, maxDurationS: 3600 }).catch((error) => error);
  assert.is((refusal as AudioError).code, 'too_long');
  using decoder = await WavDecoder.open(tooLong, { limits });
  const before = process.memoryUsage().rss;
  let samples = 0;
  for (let part = await decoder.read(1 << 22); part !== null; part = await decoder.read(1 << 22))
    samples += part.length;
  assert.is(samples, 10 * 3600 * 16_000 + 256);
  assert.ok(process.memoryUsage().rss < before + 400e6);
});

test('sectors that only resemble a mark are sound', async () => {
  const almost = gapSector(5);
  almost[511] = 1;
  const none = gapSector(0);
  const stereo = wav({ data: gapSector(5), channels: 2 });
  for (const sector of [almost, none]) {
    const { out, notes } = await decode(triggeredWav(16_000, [sector, data.subarray(0, 1024)]));
    assert.equal([out.length, notes], [768, []]);
  }
  assert.is((await decode(stereo)).out.length, 128);
});

test.run();
