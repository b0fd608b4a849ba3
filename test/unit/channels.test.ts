/** Which channels become the samples, what is said of them, and that every decoder does the same. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FfmpegDecoder } from '../../bindings/audio.ts';
import type { AudioError } from '../../bindings/errors.ts';
import type { DecoderRoute } from '../../src/audio/AudioSource.ts';
import type { Channel } from '../../src/audio/channelSchema.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { openAudio } from '../../src/audio/openAudio.ts';
import { warningsOf } from '../../src/audio/warnings.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { composeConfig } from '../../src/config/compose.ts';
import { prepareDataset } from '../../src/data/prepare.ts';
import { Classifier } from '../../src/prediction/Classifier.ts';
import { dataConfig, splitConfig } from '../helpers/dataConfig.ts';
import { chirpInNoise, gathered, largestDifference } from '../helpers/signal.ts';
import { writeTinyModel } from '../helpers/tinyModel.ts';
import { int16, wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const test = suite('channels');
const rate = 24_000;
const ffmpeg = findFfmpeg();
const needsFfmpeg = ffmpeg === null ? test.skip : test;

/** Calls of a bird: a fifth of the time, with something of everything around. */
const bird = chirpInNoise(rate, 6 * rate, 3).map((x, i) => (i % rate < rate / 5 ? 0.5 * x : 0.002 * Math.sin(i * i)));
let state = 1;
const noise = bird.map(() => {
  // A sum of uniform numbers is nearly normal.
  let sum = 0;
  for (let k = 0; k < 6; k++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    sum += state / 2 ** 32 - 0.5;
  }
  return 0.2 * sum;
});
const silence = bird.map(() => 0);
const hum = bird.map((_, i) => 0.3 * Math.sin((2 * Math.PI * 50 * i) / rate));

function fileOf(...channels: readonly (readonly number[] | Float32Array)[]): Uint8Array {
  const frames = (channels[0] as Float32Array).length;
  const interleaved = Float32Array.from(
    { length: frames * channels.length },
    (_, i) => (channels[i % channels.length] as Float32Array)[Math.floor(i / channels.length)] as number,
  );
  return wav({ channels: channels.length, rate, data: int16(interleaved) });
}

/** Not by `assert.equal`, whose difference of so many samples takes minutes. */
function same(samples: Float32Array, expected: Float32Array): void {
  assert.ok(Buffer.from(samples.buffer).equals(Buffer.from(expected.buffer)));
}

async function decode(source: string | Uint8Array, channel: Channel = 'mean', decoders?: DecoderRoute[]) {
  await using audio = await openAudio(source, { channel, ...(decoders && { decoders }) });
  const samples = await gathered(audio.blocks());
  return { samples, warnings: warningsOf(audio) };
}

test('left, right and a number give that channel, a recording of one channel is used as it is', async () => {
  const left = (await decode(fileOf(bird))).samples;
  const right = (await decode(fileOf(noise))).samples;
  const stereo = fileOf(bird, noise);
  same((await decode(stereo, 'left')).samples, left);
  same((await decode(stereo, 1)).samples, left);
  same((await decode(stereo, 'right')).samples, right);
  same((await decode(fileOf(bird), 'right')).samples, left);
  same((await decode(fileOf(silence, noise, bird), 3)).samples, left);
  const refusal = await decode(stereo, 3).catch((error) => error as AudioError);
  assert.is((refusal as AudioError).code, 'no_such_channel');
  assert.is(
    (refusal as AudioError).message,
    'The recording has 2 channels, none of number 3: set data.channel to mean, best or 1 to 2',
  );
});

test('the best channel is the one with the bird: not a dead, a noisy or a humming one, however loud', async () => {
  const expected = (await decode(fileOf(bird))).samples;
  for (const other of [silence, noise, hum, noise.map((x) => 0.01 * x)]) {
    same((await decode(fileOf(other, bird), 'best')).samples, expected);
    same((await decode(fileOf(bird, other), 'best')).samples, expected);
  }
  same((await decode(fileOf(hum, noise, silence, bird), 'best')).samples, expected);
});

test('dead and noisy channels, such that cancel each other and silence are warned of; good recordings are not', async () => {
  const cases: readonly (readonly [Uint8Array, Channel, readonly string[]])[] = [
    [fileOf(bird, bird), 'mean', []],
    [
      fileOf(
        bird,
        bird.map((x) => 0.5 * x),
      ),
      'mean',
      [],
    ],
    [fileOf(bird), 'mean', []],
    [fileOf(noise, noise), 'mean', []],
    [
      fileOf(bird, silence),
      'mean',
      ['channel 2 of 2 is silent, which makes the mean quieter: data.channel=best leaves it out'],
    ],
    [fileOf(bird, silence), 'left', []],
    [fileOf(bird, silence), 'best', []],
    [
      fileOf(bird, silence, silence),
      'mean',
      ['channels 2 and 3 of 3 are silent, which makes the mean quieter: data.channel=best leaves it out'],
    ],
    [
      fileOf(bird, noise),
      'mean',
      ['channel 2 of 2 is only noise, which spoils the mean: data.channel=best leaves it out'],
    ],
    [fileOf(bird, noise), 'right', ['channel 2 of 2 is only noise: data.channel=best takes another one']],
    [
      fileOf(
        bird,
        bird.map((x) => -x),
      ),
      'mean',
      [
        'there is nothing in it: every sample is zero',
        'its channels cancel each other: data.channel=best or left takes one of them',
      ],
    ],
    [
      fileOf(
        bird,
        bird.map((x) => -0.95 * x),
      ),
      'mean',
      ['its channels cancel each other: data.channel=best or left takes one of them'],
    ],
    [fileOf(silence), 'mean', ['there is nothing in it: every sample is zero']],
    [
      fileOf(silence.map((_, i) => (i % 2) / 32767)),
      'mean',
      ['there is next to nothing in it: its loudest sample is below -84 dB'],
    ],
  ];
  for (const [i, [file, channel, warnings]] of cases.entries()) {
    assert.equal((await decode(file, channel)).warnings, warnings, `case ${i}`);
  }
});

needsFfmpeg('every route chooses the same channel, gives the same samples and the same warnings', () =>
  withTempDir(async (dir) => {
    const routes: DecoderRoute[] = ['wasm', 'ffmpeg-cli', ...(FfmpegDecoder.available ? (['ffmpeg'] as const) : [])];
    await writeFile(join(dir, 'a.wav'), fileOf(noise, bird));
    const flac = join(dir, 'a.flac');
    execFileSync(ffmpeg as string, ['-v', 'error', '-i', join(dir, 'a.wav'), flac]);
    for (const channel of ['mean', 'left', 'best', 2] as const) {
      const expected = await decode(join(dir, 'a.wav'), channel);
      for (const route of routes) {
        for (const source of [flac, await readFile(flac)]) {
          const { samples, warnings } = await decode(source, channel, [route]);
          assert.is(samples.length, expected.samples.length, route);
          assert.ok(largestDifference(samples, expected.samples) < 2e-5, `${route} ${channel}`); // FLAC's in WebAssembly rounds
          assert.equal(warnings, expected.warnings, `${route} ${channel}`);
        }
      }
    }
  }),
);

test('data.channel takes names and numbers, and says what it takes', () => {
  const channelOf = (value: string) => composeConfig(['data.raw_dir=x', `data.channel=${value}`]).config.data.channel;
  assert.equal(['mean', 'left', 'right', 'best', '2'].map(channelOf), ['mean', 'left', 'right', 'best', 2]);
  assert.is(composeConfig(['data.raw_dir=x']).config.data.channel, 'mean');
  for (const wrong of ['0', 'middle', '1.5']) assert.throws(() => channelOf(wrong), /data\.channel/, wrong);
});

test('a dataset knows its channel, and its shards are those of no other', () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    for (const label of ['robin', 'wren']) {
      await mkdir(join(raw, label), { recursive: true });
      for (let i = 0; i < 3; i++) {
        const own = bird.map((x) => x * (1 - i / 10) * (label === 'wren' ? -0.5 : 1));
        await writeFile(join(raw, label, `${i}.wav`), fileOf(noise, own));
      }
    }
    const prepared = (channel: Channel) =>
      prepareDataset({
        data: dataConfig(raw, dir, { channel }),
        split: splitConfig,
        features: { sampleRateHz: 16000 },
      });
    const mean = await prepared('mean');
    const best = await prepared('best');
    const right = await prepared('right');
    assert.is(new Set([mean, best, right].map(({ manifest }) => manifest.id)).size, 3);
    assert.equal(
      [mean, best, right].map(({ manifest }) => manifest.channel),
      ['mean', 'best', 'right'],
    );
    assert.match(mean.manifest.warnings[0] ?? '', 'robin/0.wav: channel 1 of 2 is only noise');
    assert.equal(best.manifest.warnings, []);
    const hashes = (dataset: typeof mean) => dataset.recordings.map(({ audioHash }) => audioHash);
    assert.equal(hashes(best), hashes(right));
    assert.not.equal(hashes(mean), hashes(best));
    assert.is(new Set([mean, best, right].flatMap(({ recordings }) => recordings.map(({ shard }) => shard))).size, 18);
  }));

test('a model predicts with the channel it was trained on, from files and from streams', () =>
  withTempDir(async (dir) => {
    const path = await writeTinyModel(join(dir, 'best.safetensors'));
    const { metadata, ...rest } = await readCheckpoint(path);
    const dataset = { ...metadata.dataset, channel: 'right' as const };
    await writeCheckpoint(path, { ...rest, metadata: { ...metadata, dataset } });
    using classifier = await Classifier.open(path);
    const onlyBird = await classifier.predictFile(fileOf(bird));
    const besideNoise = await classifier.predictFile(fileOf(noise, bird));
    assert.equal(besideNoise.scores, onlyBird.scores);
    assert.not.equal((await classifier.predictFile(fileOf(bird, noise))).scores, onlyBird.scores);
    const clipsOf = async (file: Uint8Array, channels: number) => {
      const pcm = { sampleRateHz: rate, format: 's16le', channels } as const;
      const scores = [];
      for await (const clip of classifier.predictStream(Readable.from([file.subarray(44)]), { pcm }))
        scores.push(clip.scores);
      return scores;
    };
    assert.equal(await clipsOf(fileOf(noise, bird), 2), await clipsOf(fileOf(bird), 1));
  }));

test.run();
