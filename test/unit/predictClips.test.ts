import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clipGrid } from '../../src/data/clips.ts';
import { type ClipEngine, scoreClips } from '../../src/prediction/scoreClips.ts';

const sampleRateHz = 100;
const grid = { lengthS: 1, hopS: 0.4, padLast: true };

/** Its logits are the clip's own sum and last sample: enough to see which samples a clip was given. */
const sums: ClipEngine = {
  async forwardPcm(samples, startSample, clipSamples) {
    const clips = Array.from(startSample, (start) => {
      const clip = new Float32Array(clipSamples);
      clip.set(samples.subarray(Math.max(0, start), start + clipSamples));
      return [clip.reduce((sum, value) => sum + value, 0), clip[clipSamples - 1] ?? 0];
    });
    return {
      logits: Float32Array.from(clips.flat()),
      activity: new Float32Array(clips.length),
      peak: new Float32Array(clips.length).fill(1),
      driftFeatures: new Float32Array(),
      embeddings: null,
    };
  },
};

async function* pieces(samples: Float32Array, size: number) {
  for (let at = 0; at < samples.length; at += size) yield samples.slice(at, at + size);
}

async function score(
  samples: Float32Array,
  options: { size?: number; batchSize?: number; eager?: boolean; grid?: typeof grid } = {},
) {
  const { size = 37, batchSize = 4, eager = false } = options;
  const clips: { startS: number; endS: number }[] = [];
  const logits: number[] = [];
  const batches: number[] = [];
  for await (const batch of scoreClips(sums, pieces(samples, size), {
    grid: options.grid ?? grid,
    sampleRateHz,
    batchSize,
    eager,
    embeddings: false,
  })) {
    clips.push(...batch.clips);
    logits.push(...batch.logits);
    batches.push(batch.clips.length);
  }
  return { clips, logits, batches };
}

const ramp = (count: number) => Float32Array.from({ length: count }, (_, i) => (i % 64) + 1);

test('clips lie on the grid that training uses, whatever the length of the recording', async () => {
  for (const padLast of [true, false]) {
    for (const hopS of [0.25, 0.4, 1, 1.5]) {
      for (const count of [1, 39, 40, 99, 100, 101, 140, 380, 1003]) {
        const own = { lengthS: 1, hopS, padLast };
        const { clips } = await score(ramp(count), { grid: own });
        const { starts } = clipGrid(count, sampleRateHz, own, { atLeastOne: true });
        assert.equal(
          clips.map(({ startS }) => Math.round(startS * sampleRateHz)),
          Array.from(starts),
          `${count} samples, hop ${hopS}, padLast ${padLast}`,
        );
      }
    }
  }
});

test('neither the pieces of the recording nor the batches change a score', async () => {
  const samples = ramp(1003);
  const expected = await score(samples, { size: 1003, batchSize: 1 });
  for (const size of [1, 40, 100, 999]) {
    for (const batchSize of [1, 3, 64]) {
      for (const eager of [true, false]) {
        const found = await score(samples, { size, batchSize, eager });
        assert.equal(found.logits, expected.logits);
        assert.equal(found.clips, expected.clips);
      }
    }
  }
});

test('each clip holds its own samples, with silence after the end', async () => {
  const { logits, clips } = await score(ramp(130), { grid: { ...grid, hopS: 0.5 } });
  const sum = (from: number, until: number) =>
    ramp(130)
      .slice(from, until)
      .reduce((total, value) => total + value, 0);
  assert.equal(clips, [
    { startS: 0, endS: 1 },
    { startS: 0.5, endS: 1.5 },
    { startS: 1, endS: 2 },
  ]);
  assert.equal(logits, [sum(0, 100), ramp(130)[99], sum(50, 130), 0, sum(100, 130), 0]);
});

test('a recording shorter than a clip has one clip, one without a sample none', async () => {
  assert.is((await score(ramp(7), { grid: { ...grid, padLast: false } })).clips.length, 1);
  assert.is((await score(ramp(0))).clips.length, 0);
});

test('an eager reader gives a clip as soon as its last sample is there, before the next one has arrived', async () => {
  const events: string[] = [];
  async function* live() {
    for (let i = 0; i < 5; i++) {
      events.push(`arrived ${i}`);
      yield ramp(100);
    }
  }
  const options = { grid: { ...grid, hopS: 1 }, sampleRateHz, batchSize: 8, eager: true, embeddings: false };
  for await (const { clips } of scoreClips(sums, live(), options)) events.push(`clip ${clips[0]?.startS}`);
  assert.equal(events, [
    'arrived 0',
    'clip 0',
    'arrived 1',
    'clip 1',
    'arrived 2',
    'clip 2',
    'arrived 3',
    'clip 3',
    'arrived 4',
    'clip 4',
  ]);
});

test('batches are full but for the last ones', async () => {
  const { batches } = await score(ramp(1000), { batchSize: 4 });
  assert.equal(
    batches.slice(0, -1).every((count) => count === 4),
    true,
    batches.join(),
  );
});

test('an aborted signal ends it with its reason', async () => {
  const options = {
    grid,
    sampleRateHz,
    batchSize: 2,
    eager: false,
    embeddings: false,
    signal: AbortSignal.abort('enough'),
  };
  try {
    for await (const _ of scoreClips(sums, pieces(ramp(1000), 100), options)) assert.unreachable();
    assert.unreachable();
  } catch (reason) {
    assert.is(reason, 'enough');
  }
});

test('a failure of the network reaches the reader', async () => {
  const failing: ClipEngine = { forwardPcm: () => Promise.reject(new Error('out of memory')) };
  const options = { grid, sampleRateHz, batchSize: 2, eager: false, embeddings: false };
  try {
    for await (const _ of scoreClips(failing, pieces(ramp(1000), 100), options)) assert.unreachable();
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'out of memory');
  }
});

test.run();
