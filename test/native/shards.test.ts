import { truncate } from 'node:fs/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AutobirdError, InvalidArgumentError, LogMel, type ShardEntry, ShardSet } from '../../bindings/index.ts';
import { rejects } from '../helpers/rejects.ts';
import { recordingOf, writeShard } from '../helpers/shards.ts';
import { tinyFeatures } from '../helpers/tinyNetwork.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const rate = tinyFeatures.sampleRateHz;

async function withShards(body: (entries: ShardEntry[], recordings: Float32Array[]) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const recordings = [recordingOf(0, 3, rate), recordingOf(1, 5, rate), new Float32Array(rate).fill(0)];
    await body(await Promise.all(recordings.map((r, i) => writeShard(dir, `${i}.bin`, r, rate))), recordings);
  });
}

test('samples come back within a step of their block, and zeros lie around them', () =>
  withShards(async (entries, recordings) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const original = recordings[1] as Float32Array;
    const read = await shards.readPcm(1, -100, original.length + 300);
    for (let i = 0; i < 100; i++) assert.is(read[i], 0);
    for (let i = original.length + 100; i < read.length; i++) assert.is(read[i], 0);
    const part = await shards.readPcm(1, 7990, 20); // over the border of two blocks
    for (const [i, value] of part.entries()) {
      assert.ok(Math.abs(value - (original[7990 + i] as number)) <= 0.6 / 32767, `sample ${i}`);
      assert.is(value, read[8090 + i]);
    }
    assert.equal(await shards.readPcm(1, 1e6, 3), new Float32Array(3));
  }));

test('the spectrogram of a stretch is that of its samples', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    using logMel = new LogMel(tinyFeatures);
    for (const [start, count] of [
      [0, rate],
      [7990, 3000],
      [-100, 2 * rate],
    ] as const) {
      const stretch = await shards.logMel(1, start, count);
      assert.equal(stretch, await logMel.compute(await shards.readPcm(1, start, count)));
    }
    assert.instance(await shards.logMel(9, 0, 10).catch((reason) => reason), InvalidArgumentError);
  }));

test('statistics are those of all frames, and the same bits for any number of threads', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const count = 70; // more than one block of clips
    const clips = {
      recording: Int32Array.from({ length: count }, (_, i) => i % 2),
      startSample: Float64Array.from({ length: count }, (_, i) => i * 300 - 500),
      clipSamples: rate,
    };
    const [one, three] = [await shards.bandStatistics(clips, 1), await shards.bandStatistics(clips, 3)];
    assert.equal(one, three);
    using logMel = new LogMel(tinyFeatures);
    const mels = tinyFeatures.nMels;
    const sums = new Float64Array(mels);
    const squares = new Float64Array(mels);
    let frames = 0;
    for (let i = 0; i < count; i++) {
      const samples = await shards.readPcm(i % 2, i * 300 - 500, rate);
      const { data, frames: here } = await logMel.compute(samples);
      frames += here;
      for (const [k, value] of data.entries()) {
        const band = Math.floor(k / here);
        sums[band] = (sums[band] as number) + value;
        squares[band] = (squares[band] as number) + value * value;
      }
    }
    for (let band = 0; band < mels; band++) {
      const mean = (sums[band] as number) / frames;
      const std = Math.sqrt((squares[band] as number) / frames - mean * mean);
      assert.ok(Math.abs((one.mean[band] as number) - mean) < 1e-5 * Math.abs(mean));
      assert.ok(Math.abs((one.std[band] as number) - std) < 1e-5 * std);
    }
  }));

test('levels tell silence, noise and song apart', () =>
  withShards(async (entries, recordings) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const clips = {
      recording: Int32Array.of(0, 2),
      startSample: Float64Array.of(0, 0),
      clipSamples: rate,
    };
    const { rms, melSpread, activity } = await shards.clipLevels(clips, 2);
    const clip = (recordings[0] as Float32Array).subarray(0, rate);
    const expected = Math.sqrt(clip.reduce((sum, v) => sum + v * v, 0) / rate);
    assert.ok(Math.abs((rms[0] as number) - expected) < 1e-4);
    assert.ok((melSpread[0] as number) > 0.5 && (activity[0] as number) > 0.1);
    assert.equal([rms[1], melSpread[1], activity[1]], [0, 0, 0]);
  }));

test('the activity of a recording has a value for each step and is high where something happens', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const profile = await shards.activityProfile(1, 0.2);
    assert.is(profile.length, 25);
    const chirps = profile.filter((_, i) => i % 5 === 0);
    const pauses = profile.filter((_, i) => i % 5 === 2);
    assert.ok(Math.min(...chirps) > Math.max(...pauses));
    await rejects(
      shards.activityProfile(1, 0),
      'Expected a number of seconds from one frame to 60 for stepS but received 0',
    );
  }));

test('a shard that is missing or too short for its entry is refused when it is opened', () =>
  withShards(async (entries) => {
    const [first, second] = entries as [ShardEntry, ShardEntry];
    await rejects(
      ShardSet.open([{ ...first, path: `${first.path}.gone` }], tinyFeatures),
      /^Shard .*gone cannot be opened \(No such file or directory\): prepare the dataset again/,
    );
    await truncate(second.path, 1000);
    await rejects(ShardSet.open(entries, tinyFeatures), /has 1000 bytes, too few for 40000 samples/);
    await rejects(
      ShardSet.open([{ ...first, sampleCount: 2 ** 52 }], tinyFeatures),
      (error) => (error as AutobirdError).code === 'damaged_shard',
    );
  }));

test('a place that no recording has is named', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const sentence = 'Expected a number from -2^48 to 2^48 for startSample but received -9e+14';
    await rejects(shards.readPcm(0, -9e14, 10), sentence);
    await rejects(
      shards.clipLevels({ recording: Int32Array.of(0), startSample: Float64Array.of(-9e14), clipSamples: rate }, 1),
      sentence,
    );
    assert.equal(await shards.readPcm(0, -1e12, 10), new Float32Array(10));
  }));

test('a clip of no recording and tables that do not fit are named', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const clips = { recording: Int32Array.of(3), startSample: Float64Array.of(0), clipSamples: rate };
    await rejects(shards.clipLevels(clips, 1), 'Expected an integer from 0 to 2 for recording but received 3');
    await rejects(
      shards.clipLevels({ ...clips, startSample: new Float64Array(2) }, 1),
      'Expected as many values for startSample as for recording (1) but received 2',
    );
    await rejects(shards.clipLevels(clips, 0), 'Expected a positive integer for threads but received 0 of type number');
    await rejects(
      shards.bandStatistics({ recording: new Int32Array(), startSample: new Float64Array(), clipSamples: rate }, 1),
      'Expected at least one clip for statistics but received none',
    );
  }));

test('a signal stops a long measurement with its own reason', () =>
  withShards(async (entries) => {
    using shards = await ShardSet.open(entries, tinyFeatures);
    const count = 20_000;
    const clips = { recording: new Int32Array(count), startSample: new Float64Array(count), clipSamples: rate };
    const controller = new AbortController();
    const running = shards.clipLevels(clips, 2, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 20);
    await rejects(running, 'enough');
    assert.is((await shards.readPcm(0, 0, 10)).length, 10);
  }));

test.run();
