import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Prediction } from '../../src/domain.ts';
import { type FormatContext, outputFormats, type PredictionResult } from '../../src/formats/index.ts';
import { collectRecordings } from '../../src/prediction/collectRecordings.ts';
import { Journal } from '../../src/prediction/Journal.ts';
import { targetOf, writeErrors, writeOneFile, writeOwnFile } from '../../src/prediction/writeOutput.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const labels = ['wren', '7', '10'];
const key = { modelVersion: 'abc', minScore: 0.25 };
const kept = { clips: true, restart: false };

function prediction(recording: string): Prediction {
  return {
    recording,
    durationS: 5,
    recordedAt: null,
    warnings: [],
    labels,
    scores: Float32Array.of(0.5, 0.25, 0.25),
    topLabel: 'wren',
    clips: [{ startS: 0, endS: 5, scores: Float32Array.of(0.5, 0.25, 0.25), activity: 0.125 }],
    detections: [{ startS: 0, endS: 5, lowHz: null, highHz: null, label: 'wren', score: 0.5, at: null }],
    modelVersion: 'abc',
  };
}

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

const codeOf = async (body: () => Promise<unknown>): Promise<string> => {
  try {
    await body();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'nothing was thrown';
};

async function sounds(dir: string, ...names: string[]): Promise<string[]> {
  const paths = names.map((name) => join(dir, name));
  for (const path of paths) {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `sound of ${path}`);
  }
  return paths;
}

test('a journal gives back every bit of a number', () =>
  withTempDir(async (dir) => {
    const [a] = (await sounds(dir, 'a.wav')) as [string];
    const path = join(dir, 'journal.jsonl');
    const plain = prediction(a);
    const scores = Float32Array.of(1 / 3, 1e-9, 1 - 1e-7);
    const exact = {
      ...plain,
      durationS: 5 / 3,
      scores,
      clips: [{ startS: 1 / 7, endS: 5 / 3, scores, activity: 1e-8 / 3 }],
      detections: [{ startS: 1 / 7, endS: 5 / 3, lowHz: null, highHz: null, label: 'wren', score: 1 / 3, at: null }],
    };
    await (await Journal.open(path, key, labels, kept)).add(exact);
    const [back] = await all((await Journal.open(path, key, labels, kept)).results([a]));
    assert.equal(back, exact);
  }));

test('a journal gives back what it was given, in the order it is asked for', () =>
  withTempDir(async (dir) => {
    const [a, b] = (await sounds(dir, 'a.wav', 'b\n"🐦".wav')) as [string, string];
    const path = join(dir, 'journal.jsonl');
    const first = await Journal.open(path, key, labels, kept);
    await first.add(prediction(b));
    await first.add(prediction(a));
    assert.equal(await all(first.results([a, 'unknown', b])), [prediction(a), prediction(b)]);
    const second = await Journal.open(path, key, labels, kept);
    assert.is(second.size, 2);
    assert.equal(await all(second.results([a, b])), [prediction(a), prediction(b)]);
  }));

test('a recording whose content changed, or that is gone, is not done', () =>
  withTempDir(async (dir) => {
    const [a, b] = (await sounds(dir, 'a.wav', 'b.wav')) as [string, string];
    const journal = await Journal.open(join(dir, 'j'), key, labels, kept);
    await journal.add(prediction(a));
    assert.is(await journal.has(a), true);
    assert.is(await journal.has(b), false);
    await writeFile(a, 'another sound');
    assert.is(await journal.has(a), false);
  }));

test('a journal that was cut at any byte goes on with what is whole', () =>
  withTempDir(async (dir) => {
    const [a, b] = (await sounds(dir, 'a.wav', 'b.wav')) as [string, string];
    const path = join(dir, 'journal.jsonl');
    const whole = await Journal.open(path, key, labels, kept);
    await whole.add(prediction(a));
    await whole.add(prediction(b));
    const bytes = await readFile(path);
    const ends = [0, bytes.indexOf(10), bytes.lastIndexOf(10, bytes.length - 2), bytes.length];
    const near = ends.flatMap((end) => [end - 1, end, end + 1]);
    const lengths = [...near, ...Array.from({ length: 20 }, (_, i) => i * 29)];
    for (const length of lengths.filter((one) => one >= 0 && one <= bytes.length)) {
      await writeFile(path, bytes.subarray(0, length));
      const journal = await Journal.open(path, key, labels, kept);
      for (const recording of [a, b]) if (!(await journal.has(recording))) await journal.add(prediction(recording));
      assert.equal(await all(journal.results([a, b])), [prediction(a), prediction(b)], `cut at ${length}`);
      assert.is((await Journal.open(path, key, labels, kept)).size, 2, `cut at ${length}, opened again`);
    }
  }));

test('a journal of other options is refused by naming them, and --restart starts over', () =>
  withTempDir(async (dir) => {
    const [a] = (await sounds(dir, 'a.wav')) as [string];
    const path = join(dir, 'journal.jsonl');
    await (await Journal.open(path, key, labels, kept)).add(prediction(a));
    const other = { ...key, minScore: 0.5 };
    assert.is(await codeOf(() => Journal.open(path, other, labels, kept)), 'other_options');
    try {
      await Journal.open(path, other, labels, kept);
    } catch (error) {
      assert.match((error as Error).message, 'minScore was 0.25, is 0.5');
    }
    assert.is((await Journal.open(path, other, labels, { ...kept, restart: true })).size, 0);
  }));

test('a file that is no journal is never written to', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'journal.jsonl');
    for (const content of ['{"a":1}\n', 'my notes\n']) {
      await writeFile(path, content);
      assert.is(await codeOf(() => Journal.open(path, key, labels, kept)), 'not_a_journal');
      assert.is(await readFile(path, 'utf8'), content);
    }
  }));

test('folders are searched to the bottom, files that are named are tried whatever their extension, each once', () =>
  withTempDir(async (dir) => {
    await sounds(dir, 'b/x.WAV', 'b/c/y.mp3', 'b/notes.txt', 'z.bin');
    await symlink(join(dir, 'b'), join(dir, 'b', 'loop'));
    await symlink('x.WAV', join(dir, 'b', 'alias.wav'));
    const given = [join(dir, 'z.bin'), join(dir, 'b'), join(dir, 'b', 'x.WAV'), join(dir, 'gone.wav')];
    const { paths, failed, warnings, root } = await collectRecordings(given, ['wav', 'mp3']);
    assert.equal(paths, [join(dir, 'z.bin'), join(dir, 'b/alias.wav'), join(dir, 'b/c/y.mp3'), join(dir, 'b/x.WAV')]);
    assert.match(warnings.join(), '1 file is passed over, by extension: .txt 1');
    assert.equal(
      failed.map(({ recording, error }) => [recording, error.code]),
      [
        [join(dir, 'b/loop'), 'symlink_loop'],
        [join(dir, 'gone.wav'), 'not_found'],
      ],
    );
    assert.is(root, dir);
  }));

test('an existing folder, a slash at the end and a format of single files mean a folder', () =>
  withTempDir(async (dir) => {
    assert.equal(await targetOf(dir, outputFormats.csv), { kind: 'folder', path: dir });
    assert.equal(await targetOf('new/', outputFormats.raven), { kind: 'folder', path: 'new/' });
    assert.equal(await targetOf('new', outputFormats.audacity), { kind: 'folder', path: 'new' });
    assert.equal(await targetOf('new.csv', outputFormats.csv), { kind: 'file', path: 'new.csv' });
  }));

const context = (root: string): FormatContext => ({
  labels,
  noEventLabels: [],
  topK: 1,
  lowHz: 0,
  highHz: 8000,
  names: [],
  width: 80,
  root,
  clips: false,
});

const unread = { recording: '/s/bad.wav', error: { code: 'empty_file', message: 'The file is empty' } };

async function* each(results: readonly PredictionResult[]) {
  yield* results;
}

test('a file a recording keeps the folders and the whole names', () =>
  withTempDir(async (dir) => {
    const paths = await sounds(dir, 'in/s1/a.wav', 'in/s1/a.mp3', 'in/s2/a.wav');
    const out = join(dir, 'out');
    for (const path of paths) {
      await writeOwnFile(out, prediction(path), outputFormats.audacity, context(join(dir, 'in')));
    }
    assert.equal(((await readdir(out, { recursive: true })) as string[]).sort(), [
      's1',
      's1/a.mp3.labels.txt',
      's1/a.wav.labels.txt',
      's2',
      's2/a.wav.labels.txt',
    ]);
  }));

test('a Raven table of several recordings comes with the list that opens them as one sound', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'all.txt');
    await writeOneFile(
      path,
      each([prediction('/s/a.wav'), unread, prediction('/s/b.wav')]),
      outputFormats.raven,
      context('/s'),
    );
    const rows = (await readFile(path, 'utf8')).trimEnd().split('\n').slice(1);
    assert.equal(
      rows.map((row) => row.split('\t').slice(3, 5)),
      [
        ['0', '5'],
        ['5', '10'],
      ],
    );
    assert.is(await readFile(`${path}.list.txt`, 'utf8'), '/s/a.wav\n/s/b.wav\n');
  }));

test('what the format has no room for is listed beside it, and the list goes when nothing failed', () =>
  withTempDir(async (dir) => {
    const failed = [{ ...unread, recording: 'bad.wav' }];
    const target = { kind: 'folder', path: dir } as const;
    const path = await writeErrors(target, failed, outputFormats.raven, context(dir));
    assert.match(await readFile(path as string, 'utf8'), 'bad.wav,,,,,,,,,,empty_file,The file is empty');
    assert.is(await writeErrors(target, [], outputFormats.raven, context(dir)), null);
    assert.equal(await readdir(dir), []);
    assert.is(await writeErrors({ kind: 'file', path: join(dir, 'o') }, failed, outputFormats.csv, context(dir)), null);
  }));

test.run();
