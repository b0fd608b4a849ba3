import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutobirdError } from '../../bindings/errors.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { writeCheckpoint } from '../../src/checkpoint/writeCheckpoint.ts';
import { prepareDataset } from '../../src/data/prepare.ts';
import { splitHash } from '../../src/data/split.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import type { Recording, Split } from '../../src/domain.ts';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { soundsOf, withoutTrainedOn } from '../../src/evaluation/trainedOn.ts';
import { describeAudio, describeReport } from '../../src/reports/describeReport.ts';
import { Run } from '../../src/run/Run.ts';
import { dataConfig, splitConfig } from '../helpers/dataConfig.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** `count` recordings of each class, of which earlier calls wrote some. */
async function prepareChirps(dir: string, count: number, more: Parameters<typeof dataConfig>[2] = {}) {
  const raw = join(dir, 'raw');
  for (const [c, label] of ['robin', 'wren'].entries()) {
    await mkdir(join(raw, label), { recursive: true });
    // A new name may sort before the old ones, so that the sides are drawn anew.
    for (let i = 0; i < count; i++) {
      await writeFile(join(raw, label, `${(i * 7) % 10}.wav`), chirpWav(1, { seed: 100 * c + i + 1 }));
    }
  }
  const data = dataConfig(raw, dir, more);
  const dataset = await prepareDataset({ data, split: splitConfig, features: { sampleRateHz: 16000 } });
  return { dataset, split: await dataset.makeSplit(splitConfig) };
}

test('recordings that a model was trained on are left out when its dataset has grown, and that is said everywhere', () =>
  withTempDir(async (dir) => {
    const before = await prepareChirps(dir, 5);
    const trained = before.dataset.onSide(before.split, 'train');
    const path = await writeTinyModel(join(dir, 'best.safetensors'));
    const { metadata, ...rest } = await readCheckpoint(path);
    const known = { trainedOn: soundsOf(trained), splitHash: splitHash(before.split) };
    await writeCheckpoint(path, { ...rest, metadata: { ...metadata, dataset: { ...metadata.dataset, ...known } } });

    const same = await evaluate({ checkpoint: path, ...before });
    assert.equal([same.leftOut, same.sameSplit, same.recordings.items], [0, true, before.split.counts.test]);
    assert.not.match(describeReport(same), 'trained on');

    const { dataset, split } = await prepareChirps(dir, 10);
    assert.is(split.name, before.split.name, 'the same name, another assignment');
    // Copies of what it knows are on the side that judges.
    const assignments = split.assignments.map((one) => {
      const isKnown = trained.some((recording) => recording.path === one.path);
      return isKnown && one.path.startsWith('wren') ? { ...one, side: 'test' as const } : one;
    });
    const grown = { ...split, assignments };
    const onTest = dataset.onSide(grown, 'test');
    const report = await evaluate({ checkpoint: path, dataset, split: grown, outputDir: join(dir, 'report') });
    const expected = onTest.filter(({ path }) => !trained.some((one) => one.path === path)).map(({ path }) => path);
    assert.ok(expected.length > 0 && expected.length < onTest.length);
    assert.equal(
      report.predictions.map(({ recording }) => recording),
      expected,
    );
    assert.is(report.leftOut, onTest.length - expected.length);
    assert.is(report.sameSplit, false);
    const sentence = `${report.leftOut} recordings of this side were trained on and are left out.`;
    assert.match(describeReport(report), sentence);
    for (const name of ['report.html', 'model_card.md']) {
      const text = await readFile(join(dir, 'report', name), 'utf8');
      assert.match(text, sentence);
      assert.match(text, 'trained with another assignment', 'it does not say what chose its epoch');
    }
    assert.is(JSON.parse(await readFile(join(dir, 'report', 'report.json'), 'utf8')).left_out, report.leftOut);

    const onTraining = await evaluate({ checkpoint: path, dataset, split: grown, side: 'train' });
    assert.is(onTraining.recordings.items, dataset.onSide(grown, 'train').length, 'asked for by name');
    const all = { ...split, assignments: trained.map(({ path }) => ({ path, side: 'test' as const, group: path })) };
    try {
      await evaluate({ checkpoint: path, dataset, split: all });
      assert.unreachable();
    } catch (error) {
      assert.is((error as AutobirdError).code, 'all_trained_on');
    }
  }));

test('a file that another decoder gave other samples is known by its bytes, and one saved again by its sound', () => {
  const recording = (audio: string, content: string) =>
    ({ path: `${audio}${content}`, audioHash: audio.repeat(64), contentHash: content.repeat(64) }) as Recording;
  const trainedOn = soundsOf([recording('a', '1'), recording('b', '2')]);
  const candidates = [recording('c', '1'), recording('a', '3'), recording('d', '4')];
  const { judging, leftOut } = withoutTrainedOn(candidates, { dataset: { trainedOn } as never }, {} as Split, 'test');
  assert.equal([judging.map(({ path }) => path), leftOut], [['d4'], 2]);
});

test('what chose the epoch and the temperature is left out of a test that was split again, and that is said', () =>
  withTempDir(async (dir) => {
    const { dataset, split } = await prepareChirps(dir, 5);
    const checkpoint = await readCheckpoint(await writeTinyModel(join(dir, 'best.safetensors')));
    const [train, val, test] = (['train', 'val', 'test'] as const).map((side) => dataset.onSide(split, side));
    assert.ok(train && val && test && val.length > 0);
    const known = { trainedOn: soundsOf(train), selectedOn: soundsOf(val), splitHash: splitHash(split) };
    const { metadata } = checkpoint;
    const knowing = { ...checkpoint, metadata: { ...metadata, dataset: { ...metadata.dataset, ...known } } };
    const assignments = split.assignments.map((one) => (one.side === 'val' ? { ...one, side: 'test' as const } : one));
    const again = { ...split, assignments };
    const report = await evaluate({
      checkpoint: knowing,
      dataset,
      split: again,
      outputDir: join(dir, 'report'),
    });
    assert.equal([report.leftOut, report.leftOutSelection, report.sameSplit], [0, val.length, false]);
    assert.equal(
      report.predictions.map(({ recording }) => recording),
      test.map(({ path }) => path),
    );
    for (const name of ['report.html', 'model_card.md']) {
      const text = (await readFile(join(dir, 'report', name), 'utf8')).replaceAll('&#39;', "'");
      assert.match(text, /used to choose the model's epoch and temperature and (is|are) left out/);
      assert.not.match(text, 'another assignment', 'it was checked');
    }
    assert.match(describeReport(report), "used to choose the model's epoch and temperature");
    const asked = await evaluate({ checkpoint: knowing, dataset, split, side: 'val' });
    assert.equal([asked.recordings.items, asked.leftOutSelection], [val.length, 0], 'asked for by name');
  }));

test('an older checkpoint is evaluated, and that nothing could be checked is said', () =>
  withTempDir(async (dir) => {
    const checkpoint = await readCheckpoint(await writeTinyModel(join(dir, 'best.safetensors')));
    const report = await evaluate({ checkpoint, ...(await prepareChirps(dir, 5)) });
    assert.equal([report.leftOut, report.sameSplit], [null, null]);
    assert.match(describeReport(report), 'does not say which recordings it was trained on');
  }));

test('a file that has changed since it was prepared is a row of its own, not judged by its old label', () =>
  withTempDir(async (dir) => {
    const prepared = await prepareChirps(dir, 5);
    const [first, second] = prepared.dataset.onSide(prepared.split, 'test');
    assert.ok(first && second);
    await writeFile(join(dir, 'raw', first.path), chirpWav(1, { seed: 77 }));
    const checkpoint = await writeTinyModel(join(dir, 'best.safetensors'));
    const { predictions } = await evaluate({ checkpoint, ...prepared });
    assert.equal([predictions[0]?.recording, predictions[0]?.error?.code], [first.path, 'changed']);
    assert.equal([predictions[1]?.recording, predictions[1]?.error], [second.path, null]);
  }));

test('what prepare accepted is evaluated, whatever the defaults allow', () =>
  withTempDir(async (dir) => {
    const prepared = await prepareChirps(dir, 5);
    const wide = prepared.dataset.onSide(prepared.split, 'test')[0]?.path as string;
    const wav = encodeWav16(
      Float64Array.from({ length: 100 * 16000 }, (_, i) => 0.2 * Math.sin(i / 300)),
      16000,
    );
    wav.writeUInt16LE(100, 22); // channels
    wav.writeUInt32LE(100 * 2 * 16000, 28); // bytes a second
    wav.writeUInt16LE(100 * 2, 32); // bytes a frame
    await writeFile(join(dir, 'raw', wide), wav);
    const data = dataConfig(join(dir, 'raw'), dir, { maxChannels: 100 });
    const dataset = await prepareDataset({ data, split: splitConfig, features: { sampleRateHz: 16000 } });
    const checkpoint = await writeTinyModel(join(dir, 'best.safetensors'));
    const { predictions } = await evaluate({ checkpoint, dataset, split: prepared.split });
    assert.is(predictions.find(({ recording }) => recording === wide)?.error, null);
  }));

test('a dataset without its original files is evaluated from its shards, which is said everywhere', () =>
  withTempDir(async (dir) => {
    const { dataset, split } = await prepareChirps(dir, 10);
    const checkpoint = await writeTinyModel(join(dir, 'best.safetensors'));
    const whole = await evaluate({ checkpoint, dataset, split });
    const items = whole.recordings.items;
    assert.equal([whole.audio, describeAudio(whole)], [{ originals: items, shards: 0 }, []]);

    const [first, second] = dataset.onSide(split, 'test') as [Recording, Recording];
    await rm(join(dir, 'raw', first.path));
    await writeFile(join(dir, 'raw', second.path), chirpWav(1, { seed: 77 }));
    const part = await evaluate({ checkpoint, dataset, split });
    assert.equal(part.audio, { originals: items - 1, shards: 1 });
    assert.match(
      describeReport(part),
      `1 of ${items} recordings were read from the samples that the dataset keeps of them`,
    );
    assert.equal([part.predictions[0]?.error, part.predictions[1]?.error?.code], [null, 'changed']);

    await rename(join(dir, 'raw'), join(dir, 'moved'));
    for (const place of ['missing', 'empty mount']) {
      if (place === 'empty mount') await mkdir(join(dir, 'raw'));
      const report = await evaluate({ checkpoint, dataset, split, outputDir: join(dir, 'report') });
      assert.equal(report.audio, { originals: 0, shards: items });
      assert.equal(
        report.predictions.filter(({ error }) => error !== null),
        [],
      );
      report.predictions.forEach(({ top }, i) => {
        const scores = whole.predictions[i]?.top.map(({ score }) => score) ?? [];
        for (const [k, { score }] of top.entries()) assert.ok(Math.abs(score - (scores[k] as number)) < 1e-3);
      });
      const sentence = `All ${items} recordings were read from the samples that the dataset keeps of them`;
      for (const name of ['report.html', 'model_card.md']) {
        assert.match(await readFile(join(dir, 'report', name), 'utf8'), sentence);
      }
      assert.equal(JSON.parse(await readFile(join(dir, 'report', 'report.json'), 'utf8')).audio, report.audio);
    }
  }));

test('reports of before are read: with whole matrices, and with the count of those that have a prediction', () =>
  withTempDir(async (dir) => {
    const { dataset, split } = await prepareChirps(dir, 10);
    const checkpoint = await writeTinyModel(join(dir, 'best.safetensors'));
    const report = await evaluate({ checkpoint, dataset, split, outputDir: dir });
    const { audio: _, ...json } = JSON.parse(await readFile(join(dir, 'report.json'), 'utf8'));
    const { labels, cells } = report.recordings.confusion;
    const counts = labels.map(() => new Array<number>(labels.length + 1).fill(0));
    for (const [truth, called, count] of cells) (counts[truth] as number[])[called ?? labels.length] = count;
    const confusion = { labels, counts };
    const answered = ({ without_prediction: without, ...figures }: Record<string, number>) => {
      return { ...figures, answered: (figures['items'] ?? 0) - (without ?? 0) };
    };
    const recordings = answered(json.recordings);
    const clips = answered(json.clips);
    for (const before of [
      { format_version: 1, recordings: { ...recordings, confusion }, clips: { ...clips, confusion } },
      { format_version: 2, recordings, clips },
    ]) {
      await writeFile(join(dir, 'report.json'), JSON.stringify({ ...json, ...before }));
      assert.equal(await new Run(dir).report(), { ...report, audio: null });
    }
  }));

test.run();
