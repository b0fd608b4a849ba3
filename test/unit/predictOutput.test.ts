import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Detection, FailedPrediction, Prediction } from '../../src/domain.ts';
import { type FormatContext, outputFormats, type PredictionResult } from '../../src/formats/index.ts';
import { resultToJson } from '../../src/formats/json.ts';
import { collectRecordings } from '../../src/prediction/collectRecordings.ts';
import { Journal } from '../../src/prediction/Journal.ts';
import { nameOutputs } from '../../src/prediction/outputNames.ts';
import { resultText, targetOf, writeErrors, writeOneFile } from '../../src/prediction/writeOutput.ts';
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
    clips: [{ startS: 0, endS: 5, scores: Float32Array.of(0.5, 0.25, 0.25), activity: 0.125, peak: 0.5 }],
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
      clips: [{ startS: 1 / 7, endS: 5 / 3, scores, activity: 1e-8 / 3, peak: 1 / 3 }],
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

test('a line of a journal that is JSON and says nothing is damage', () =>
  withTempDir(async (dir) => {
    const [a] = (await sounds(dir, 'a.wav')) as [string];
    const path = join(dir, 'journal.jsonl');
    await (await Journal.open(path, key, labels, kept)).add(prediction(a));
    const whole = await readFile(path, 'utf8');
    for (const line of ['{}', 'null', '7', '{"files":[{}]}', '{"content_hash":"a","result":{}}']) {
      await writeFile(path, `${whole}${line}\n${whole.split('\n')[1]}\n`);
      assert.is(await codeOf(() => Journal.open(path, key, labels, kept)), 'not_a_journal', line);
      assert.is((await Journal.open(path, key, labels, { ...kept, restart: true })).size, 0, line);
    }
  }));

test('a file that is no journal is never written to', () =>
  withTempDir(async (dir) => {
    const path = join(dir, 'journal.jsonl');
    for (const content of ['{"a":1}\n', 'my notes\n', 'my notes', '{}', '{"journal":null}\n']) {
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

/** The names of recordings below `root` in the folder `out`, opened as a command would. */
async function named(dir: string, recordings: readonly string[], root: string, { restart = false } = {}) {
  const out = join(dir, 'out');
  const journal = await Journal.open(join(out, 'journal.jsonl'), key, labels, { clips: true, restart });
  const given = await nameOutputs(journal, out, recordings, outputFormats.audacity, context(root), { restart });
  return { names: recordings.map((path) => relative(out, given.files.get(path) as string)), renamed: given.renamed };
}

async function* each(results: readonly PredictionResult[]) {
  yield* results;
}

test('a file a recording keeps the folders and the whole names', () =>
  withTempDir(async (dir) => {
    const paths = await sounds(dir, 'in/s1/a.wav', 'in/s1/a.mp3', 'in/s2/a.wav');
    const { names } = await named(dir, paths, join(dir, 'in'));
    assert.equal(names, ['s1/a.wav.labels.txt', 's1/a.mp3.labels.txt', 's2/a.wav.labels.txt']);
  }));

test('a name that is another recording’s gets the folders above, and stays the same', () =>
  withTempDir(async (dir) => {
    const [a, b, c] = (await sounds(dir, 'A/x.wav', 'B/x.wav', 'june/B/x.wav')) as [string, string, string];
    assert.equal((await named(dir, [a], join(dir, 'A'))).names, ['x.wav.labels.txt']);
    assert.equal((await named(dir, [b], join(dir, 'B'))).names, ['B/x.wav.labels.txt']);
    assert.equal((await named(dir, [c], join(dir, 'june/B'))).names, ['june/B/x.wav.labels.txt']);
    const again = await named(dir, [a, b, c], dir);
    assert.equal(again.names, ['x.wav.labels.txt', 'B/x.wav.labels.txt', 'june/B/x.wav.labels.txt']);
    assert.equal(again.renamed, []);
    const restarted = await named(dir, [b], join(dir, 'B'), { restart: true });
    assert.equal(restarted.names, ['B/x.wav.labels.txt'], 'results are forgotten, owners are not');
  }));

test('files that no journal knows are not written over, unless they hold what they would hold', () =>
  withTempDir(async (dir) => {
    const [a, b] = (await sounds(dir, 'A/x.wav', 'B/x.wav')) as [string, string];
    const file = join(dir, 'out', 'x.wav.labels.txt');
    await mkdir(join(dir, 'out'));
    await writeFile(file, 'mine');
    assert.is(await codeOf(() => named(dir, [a], join(dir, 'A'))), 'output_exists');
    assert.equal((await named(dir, [a], join(dir, 'A'), { restart: true })).names, ['x.wav.labels.txt']);
    // As an earlier version left it: results in the journal, nobody's files on the disk.
    const path = join(dir, 'out', 'journal.jsonl');
    const line = async (recording: string) => {
      const content_hash = createHash('sha256')
        .update(await readFile(recording))
        .digest('hex');
      return { content_hash, result: resultToJson(prediction(recording), true, 'all') };
    };
    const lines = [{ journal: { ...key, clips: true } }, await line(a), await line(b)];
    await writeFile(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
    const result = prediction(a);
    const [detection] = result.detections;
    const longer = { ...result, detections: [{ ...(detection as Detection), endS: 4 }] };
    await writeFile(file, resultText(longer, outputFormats.audacity, context('/')));
    assert.equal((await named(dir, [a], join(dir, 'A'))).names, ['A/x.wav.labels.txt']);
    await writeFile(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
    await writeFile(file, resultText(result, outputFormats.audacity, context('/')));
    assert.equal((await named(dir, [a], join(dir, 'A'))).names, ['x.wav.labels.txt']);
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
    const journal = await Journal.open(join(dir, 'journal.jsonl'), key, labels, kept);
    const path = await writeErrors(target, failed, outputFormats.raven, context(dir), journal);
    assert.match(await readFile(path as string, 'utf8'), 'bad.wav,,,,,,,,,,empty_file,The file is empty');
    assert.is(await writeErrors(target, [], outputFormats.raven, context(dir), journal), null);
    assert.equal(await readdir(dir), ['journal.jsonl']);
    const file = { kind: 'file', path: join(dir, 'o') } as const;
    assert.is(await writeErrors(file, failed, outputFormats.csv, context(dir), journal), null);
  }));

test('an errors.csv of somebody else is neither written over nor removed', () =>
  withTempDir(async (dir) => {
    const mine = join(dir, 'errors.csv');
    await writeFile(mine, 'my own list');
    const target = { kind: 'folder', path: dir } as const;
    const open = () => Journal.open(join(dir, 'journal.jsonl'), key, labels, kept);
    const write = async (failed: FailedPrediction[]) =>
      writeErrors(target, failed, outputFormats.raven, context(dir), await open());
    assert.is(await write([]), null);
    assert.is(await write([unread]), join(dir, 'errors-2.csv'));
    assert.is(await write([unread, unread]), join(dir, 'errors-2.csv'));
    assert.is(await write([]), null);
    assert.equal((await readdir(dir)).sort(), ['errors.csv', 'journal.jsonl']);
    assert.is(await readFile(mine, 'utf8'), 'my own list');
  }));

test.run();
