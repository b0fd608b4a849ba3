import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import type { ClipPrediction, FailedPrediction, Prediction } from '../../src/domain.ts';
import { driftFeatureNames, recordingRows } from '../../src/drift/recordingRows.ts';
import { Classifier } from '../../src/prediction/Classifier.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { warningsOf } from '../helpers/warningsOf.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const withModel = (body: (classifier: Classifier, dir: string, model: string) => Promise<void>) => () =>
  withTempDir(async (dir) => {
    const model = await writeTinyModel(join(dir, 'model.safetensors'));
    using classifier = await Classifier.open(model);
    await body(classifier, dir, model);
  });

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

async function codeOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return 'nothing was thrown';
}

function assertClose(found: readonly ClipPrediction[], expected: readonly ClipPrediction[], tolerance: number) {
  assert.is(found.length, expected.length);
  for (const [index, clip] of expected.entries()) {
    const other = found[index] as ClipPrediction;
    assert.is(other.startS, clip.startS);
    assert.is(other.endS, clip.endS);
    for (const [label, score] of clip.scores.entries()) {
      assert.ok(Math.abs((other.scores[label] ?? 9) - score) <= tolerance, `clip ${index}, label ${label}`);
    }
  }
}

test(
  'scores do not depend on batch, threads or the recordings beside it',
  withModel(async (classifier, dir, model) => {
    const paths = [];
    for (const [i, seconds] of [7.3, 0.4, 3, 12.1].entries()) {
      const path = join(dir, `${i}.wav`);
      await writeFile(path, chirpWav(seconds, { rateHz: 22050, seed: i + 1 }));
      paths.push(path);
    }
    const expected: Prediction[] = [];
    for (const path of paths) expected.push(await classifier.predictFile(path));
    for (const options of [
      { batchSize: 1, threads: 1 },
      { batchSize: 5, threads: 2 },
      { batchSize: 100, threads: 1 },
    ]) {
      using other = await Classifier.open(model, options);
      const found = (await all(other.predictFiles(paths, { workers: 3 }))) as Prediction[];
      for (const [i, prediction] of expected.entries()) {
        assertClose(found[i]?.clips ?? [], prediction.clips, 1e-5);
        assert.is(found[i]?.topLabel, prediction.topLabel);
        for (const [label, score] of prediction.scores.entries()) {
          assert.ok(Math.abs((found[i]?.scores[label] ?? 9) - score) <= 1e-5);
        }
      }
    }
  }),
);

test(
  "a prediction carries the drift features that the recording's row in a drift report has",
  withModel(async (classifier, dir) => {
    const path = join(dir, 'long.wav');
    // More clips than a crossing takes, so that the mean is over crossings.
    await writeFile(path, chirpWav(11.3, { rateHz: 22050 }));
    assert.is((await classifier.predictFile(path)).driftFeatures, null);
    const { clips, driftFeatures } = await classifier.predictFile(path, { driftFeatures: true });
    assert.ok(clips.length > 16);
    const { sampleRateHz } = classifier.features;
    const features = { sampleRateHz, nFft: 512, hopSamples: 256, nMels: 32, fMinHz: 50, fMaxHz: 8000 };
    const [row] = await all(
      recordingRows([path], {
        features: { ...features, logOffset: 1e-6, background: 'none' },
        clips: { ...classifier.clips, padLast: true },
        limits: { maxChannels: 1, maxSampleRateHz: 48000, maxDurationS: 60 },
      }),
    );
    assert.ok(row !== undefined && 'values' in row && driftFeatures !== null);
    const found = [driftFeatures.melMean, driftFeatures.melStd, driftFeatures.energyMean, driftFeatures.energyStd];
    for (const [i, name] of driftFeatureNames.entries()) {
      assert.ok(Math.abs((found[i] as number) - Number(row.values[name])) < 1e-4, `${name}: ${found[i]}`);
    }
  }),
);

test(
  'a prediction says what was asked: scores that sum to one, clips on the grid, the version of the model',
  withModel(async (classifier, dir) => {
    const path = join(dir, 'site_20240501_063000.wav');
    await writeFile(path, chirpWav(3.2));
    const prediction = await classifier.predictFile(path, { minScore: 0 });
    assert.is(prediction.recording, path);
    assert.is(prediction.durationS, 3.2);
    assert.is(prediction.recordedAt, '2024-05-01T06:30:00');
    assert.equal(prediction.labels, ['wren', 'robin', 'noise']);
    assert.ok(Math.abs(prediction.scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-5);
    assert.equal(
      prediction.clips.map(({ startS }) => startS),
      [0, 0.5, 1, 1.5, 2, 2.5, 3],
    );
    assert.match(prediction.modelVersion, /^[0-9a-f]{12}$/);
    assert.is(prediction.modelVersion, classifier.modelVersion);
    assert.equal(
      prediction.detections.map(({ label, endS, at }) => [label, endS, at]).sort(),
      [
        ['robin', 3.2, '2024-05-01T06:30:00'],
        ['wren', 3.2, '2024-05-01T06:30:00'],
      ],
      'every clip counts at 0, neighbours are one, noise is never reported',
    );
  }),
);

test(
  'bytes, a renamed file and a file give the same scores',
  withModel(async (classifier, dir) => {
    const bytes = chirpWav(2.5, { rateHz: 44100 });
    const path = join(dir, 'not really.mp3');
    await writeFile(path, bytes);
    const fromFile = await classifier.predictFile(path);
    const fromBytes = await classifier.predictFile(bytes, { name: 'upload' });
    assert.is(fromBytes.recording, 'upload');
    assert.equal(fromBytes.scores, fromFile.scores);
  }),
);

test(
  'every recording has scores, however short, and detections from a tenth of a second on',
  withModel(async (classifier) => {
    for (const seconds of [1 / 16000, 0.05, 0.15, 0.999, 1]) {
      const { clips, durationS, detections } = await classifier.predictFile(chirpWav(seconds), { minScore: 0 });
      assert.ok(clips.length >= 1, `${seconds} s`);
      assert.is(detections.length > 0, seconds > 0.1);
      assert.ok(detections.every(({ endS }) => endS <= durationS));
    }
  }),
);

test(
  'a recording that cannot be read costs one row, in its place, with its reason',
  withModel(async (classifier, dir) => {
    const file = (name: string) => join(dir, name);
    await writeFile(file('good.wav'), chirpWav(1.5));
    await writeFile(file('text.wav'), 'this is a shopping list, not a sound');
    await writeFile(file('empty.wav'), '');
    await mkdir(file('folder.wav'));
    const names = ['text.wav', 'good.wav', 'empty.wav', 'gone.wav', 'folder.wav', 'good.wav'];
    const results = await all(classifier.predictFiles(names.map(file), { workers: 2 }));
    assert.equal(
      results.map((result) => result.recording),
      names.map(file),
    );
    const codes = results.map((result) => ('error' in result ? result.error.code : null));
    assert.is(codes[1], null);
    assert.is(codes[5], null);
    assert.is(codes[0], 'not_audio');
    assert.is(codes[2], 'empty_file');
    for (const index of [3, 4]) assert.type(codes[index], 'string');
    for (const result of results.filter((one): one is FailedPrediction => 'error' in one)) {
      assert.ok(result.error.message.length > 10, result.error.message);
    }
  }),
);

test(
  'a recording that ends before its header says is predicted with a warning',
  withModel(async (classifier) => {
    const wav = chirpWav(4.3);
    assert.equal((await classifier.predictFile(wav)).warnings, []);
    const { warnings, durationS } = await classifier.predictFile(wav.subarray(0, wav.byteLength / 2));
    assert.equal(warnings, ['the file ends before its header says; what is there is used']);
    assert.ok(durationS < 2.2);
  }),
);

test(
  'one signal for many recordings at once is no leak',
  withModel(async (classifier) => {
    const { signal } = new AbortController();
    const warned = await warningsOf(() =>
      Promise.all(Array.from({ length: 12 }, () => classifier.predictFile(chirpWav(2), { signal }))),
    );
    assert.equal(warned, []);
  }),
);

test(
  'a PCM stream gives the clips of the file, whatever the chunks',
  withModel(async (classifier) => {
    const wav = chirpWav(4.3, { rateHz: 22050 });
    const { clips } = await classifier.predictFile(wav);
    const pcm = { sampleRateHz: 22050, format: 's16le' } as const;
    for (const size of [1, 333, 4096, 1 << 20]) {
      const samples = wav.subarray(44);
      const chunks = Array.from({ length: Math.ceil(samples.length / size) }, (_, i) =>
        samples.subarray(i * size, (i + 1) * size),
      );
      assertClose(await all(classifier.predictStream(Readable.from(chunks), { pcm })), clips, 1e-5);
    }
  }),
);

test(
  'float samples and several channels are heard as the mean of the channels',
  withModel(async (classifier) => {
    const mono = new Int16Array(chirpWav(2).buffer, 44);
    const stereo = new Float32Array(mono.length * 2);
    for (const [i, sample] of mono.entries()) {
      stereo[2 * i] = (2 * sample) / 32768;
      stereo[2 * i + 1] = 0;
    }
    const pcm = { sampleRateHz: 16000, format: 'f32le', channels: 2 } as const;
    const readable = Readable.from([Buffer.from(stereo.buffer)]);
    const { clips } = await classifier.predictFile(chirpWav(2));
    assertClose(await all(classifier.predictStream(readable, { pcm })), clips, 1e-5);
  }),
);

const leftBehind = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('autobird-stream-'));

test(
  'an encoded stream gives the clips of the file and leaves nothing behind, even if it is too long',
  withModel(async (classifier, _dir, model) => {
    const before = await leftBehind();
    const wav = chirpWav(3);
    const { clips } = await classifier.predictFile(wav);
    assertClose(await all(classifier.predictStream(Readable.from([wav]))), clips, 0);
    using strict = await Classifier.open(model, { limits: { maxFileBytes: 1000 } });
    assert.is(await codeOf(() => all(strict.predictStream(Readable.from([wav])))), 'too_large');
    for await (const _clip of classifier.predictStream(Readable.from([wav]))) break;
    assert.equal(await leftBehind(), before);
  }),
);

test(
  'limits are kept',
  withModel(async (_classifier, _dir, model) => {
    using strict = await Classifier.open(model, { limits: { maxDurationS: 1, maxSampleRateHz: 32000 } });
    assert.is(await codeOf(() => strict.predictFile(chirpWav(2))), 'too_long');
    assert.is(await codeOf(() => strict.predictFile(chirpWav(0.5, { rateHz: 44100 }))), 'bad_rate');
    const pcm = { sampleRateHz: 96000, format: 's16le' } as const;
    assert.is(await codeOf(() => all(strict.predictStream(Readable.from([]), { pcm }))), 'invalid_argument');
  }),
);

test(
  'embeddings are one row a clip, and their mean for the recording',
  withModel(async (classifier) => {
    const { clips, embedding, durationS } = await classifier.embed(chirpWav(2.2));
    assert.is(durationS, 2.2);
    assert.is(clips.length, 5);
    assert.is(embedding.length, 8);
    const mean = clips.reduce((sum, clip) => sum + (clip.embedding[3] as number), 0) / clips.length;
    assert.ok(Math.abs(mean - (embedding[3] as number)) < 1e-6);
  }),
);

test(
  'the overlap is a choice, and the best label of a no-event class is nothing',
  withModel(async (classifier, dir) => {
    const { clips } = await classifier.predictFile(chirpWav(2), { overlapS: 0.75 });
    assert.equal(
      clips.map(({ startS }) => startS),
      [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75],
    );
    const eager = await writeTinyModel(join(dir, 'eager.safetensors'), { noEventLabels: [] });
    using hearing = await Classifier.open(eager);
    const winner = (await hearing.predictFile(chirpWav(2))).topLabel as string;
    assert.type(winner, 'string');
    const deaf = await writeTinyModel(join(dir, 'deaf.safetensors'), { noEventLabels: [winner] });
    using other = await Classifier.open(deaf);
    const silence = await other.predictFile(chirpWav(2), { minScore: 0 });
    assert.is(silence.topLabel, null);
    assert.ok(silence.detections.every(({ label }) => label !== winner));
  }),
);

test(
  'wrong options are refused by name before anything is decoded',
  withModel(async (classifier) => {
    const wrong = [
      { overlapS: 1 },
      { overlapS: 0.9999 },
      { overlapS: -0.1 },
      { overlapS: Number.NaN },
      { minScore: 1.1 },
      { minScore: Number.NaN },
      { topK: 0 },
      { topK: 1.5 },
    ];
    for (const options of wrong) {
      assert.is(await codeOf(() => classifier.predictFile('gone.wav', options)), 'invalid_argument');
      assert.is(await codeOf(() => all(classifier.predictFiles(['gone.wav'], options))), 'invalid_argument');
    }
    assert.is(await codeOf(() => all(classifier.predictFiles([], { workers: 0 }))), 'invalid_argument');
  }),
);

test(
  'a run folder stands for its best checkpoint, and a missing one is named',
  withModel(async (classifier, dir) => {
    await writeTinyModel(join(dir, 'run', 'checkpoints', 'best.safetensors'));
    using other = await Classifier.open(join(dir, 'run'));
    assert.is(other.modelVersion, classifier.modelVersion);
    assert.is(await codeOf(() => Classifier.open(join(dir, 'nowhere'))), 'not_found');
    assert.is(await codeOf(() => Classifier.open(dir)), 'not_found');
  }),
);

test(
  'after dispose there is a clear error, twice is harmless',
  withModel(async (_classifier, _dir, model) => {
    const classifier = await Classifier.open(model);
    classifier.dispose();
    classifier.dispose();
    assert.is(await codeOf(() => classifier.predictFile(chirpWav(1))), 'disposed');
    assert.is(await codeOf(() => all(classifier.predictFiles(['a.wav']))), 'disposed');
  }),
);

test(
  'an abort ends everything with its reason, and the classifier goes on',
  withModel(async (classifier, dir) => {
    const path = join(dir, 'long.wav');
    await writeFile(path, chirpWav(60));
    const stop = new AbortController();
    let seen = 0;
    const work = all(
      classifier.predictFiles([path, path, path], {
        signal: stop.signal,
        onProgress: () => {
          seen += 1;
          if (seen === 2) stop.abort(new Error('enough'));
        },
      }),
    );
    assert.is(await codeOf(() => work), 'Error: enough');
    assert.is((await classifier.predictFile(chirpWav(1))).labels.length, 3);
  }),
);

test(
  'a batching classifier on the CPU computes 4 clips at once by itself, and as many as it is told',
  withModel(async (_classifier, _dir, model) => {
    const largest = async (batching: { readonly maxClips?: number | null }) => {
      using classifier = await Classifier.open(model, { batching, threads: 1 });
      const sounds = Array.from({ length: 4 }, (_, i) => chirpWav(20, { seed: i + 1 }));
      await Promise.all(sounds.map((sound) => classifier.predictFile(sound)));
      // Batches of 1, 2, up to 4, 8, 16, ... clips.
      return (classifier.stats()?.batchSizes ?? []).findLastIndex((count) => count > 0);
    };
    assert.is(await largest({}), 2);
    assert.is(await largest({ maxClips: null }), 2);
    assert.is(await largest({ maxClips: 16 }), 4);
  }),
);

test(
  'digital silence has no label and no detection, and says why; sound beside it has its own',
  withModel(async (classifier) => {
    const zeros = await classifier.predictFile(encodeWav16(new Float64Array(16000 * 20), 16000), { minScore: 0 });
    assert.is(zeros.topLabel, null);
    assert.equal(zeros.detections, []);
    assert.match(zeros.warnings.join(), 'digital silence from beginning to end');
    const moment = await classifier.predictFile(encodeWav16(Float64Array.of(0.5, -0.5), 16000), { minScore: 0 });
    assert.is(moment.topLabel, null);
    assert.equal(moment.detections, []);
    assert.match(moment.warnings.join(), 'too short to tell a label from');

    const chirp = encodeWav16(
      Float64Array.from({ length: 16000 * 20 }, (_, i) => (i < 16000 * 8 ? 0.5 * Math.sin(i * i * 1e-6) : 0)),
      16000,
    );
    const half = await classifier.predictFile(chirp, { minScore: 0 });
    assert.ok(half.detections.length > 0);
    assert.ok(half.detections.every(({ startS }) => startS < 8));
    assert.match(half.warnings.join(), /\d of \d+ clips are digital silence/);
    const streamed = await all(classifier.predictStream(Readable.from([Buffer.from(chirp)])));
    assert.equal(
      streamed.map(({ peak }) => peak),
      half.clips.map(({ peak }) => peak),
    );
  }),
);

test.run();
