import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShardSet } from '../../bindings/index.ts';
import { Dataset } from '../../src/data/dataset.ts';
import { prepareDataset } from '../../src/data/prepare.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import type { Progress } from '../../src/domain.ts';
import { gapSector, triggeredWav } from '../helpers/audioMoth.ts';
import { dataConfig, splitConfig } from '../helpers/dataConfig.ts';
import { putFiles } from '../helpers/putFiles.ts';
import { rejects } from '../helpers/rejects.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const rate = 8000;
const features = { sampleRateHz: rate };

function tone(hz: number, seconds = 1.5, level = 0.5): Float64Array {
  return Float64Array.from(
    { length: Math.round(seconds * rate) },
    (_, i) => level * Math.sin((2 * Math.PI * hz * i) / rate),
  );
}

/** Six recordings of two classes. */
async function putTones(rawDir: string): Promise<void> {
  for (let i = 0; i < 6; i++)
    await putFiles(rawDir, { [`c${i % 2}/${i}.wav`]: encodeWav16(tone(300 + 100 * i), rate) });
}

const decodedIn = (progress: readonly Progress[]): string[] =>
  progress.filter(({ stage }) => stage === 'decode').map(({ message = '' }) => message);

test('a folder becomes a dataset whose shards hold its samples', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const made = await prepareDataset({ data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features });
    const dataset = await Dataset.open(join(dir, 'set'));
    assert.equal(dataset.manifest, made.manifest);
    assert.equal(dataset.recordings, made.recordings);
    assert.equal(dataset.manifest.labels, ['c0', 'c1']);
    assert.is(dataset.manifest.counts.recordings, 6);
    const recording = dataset.recordings[0];
    assert.is(recording?.path, 'c0/0.wav');
    assert.is(recording?.durationS, 1.5);
    assert.is(recording?.decoder, 'wav');
    assert.ok(Math.abs((recording?.rms ?? 0) - 0.5 / Math.SQRT2) < 1e-3);
    assert.ok(Math.abs((recording?.peak ?? 0) - 0.5) < 1e-3);

    const shards = await ShardSet.open(await dataset.shardEntries(), {
      sampleRateHz: rate,
      nFft: 256,
      hopSamples: 128,
      nMels: 20,
      fMinHz: 0,
      fMaxHz: 4000,
      logOffset: 1e-6,
      background: 'none',
    });
    const pcm = await shards.readPcm(0, 0, 12000);
    shards.dispose();
    const expected = tone(300);
    for (let i = 0; i < pcm.length; i++) {
      assert.ok(Math.abs((pcm[i] as number) - (expected[i] as number)) < 1e-4, `sample ${i}`);
    }
    const [name = ''] = await dataset.splitNames();
    assert.is(name, 'recording-val20-test20-seed4');
    const split = await dataset.split(name);
    assert.is(dataset.onSide(split, 'train').length, split.counts.train);
    const report = await readFile(join(dir, 'set/report.html'), 'utf8');
    assert.match(report, 'No leak: 6 recordings in 6 groups');
    assert.match(report, 'data:image/png;base64,');
  }));

test('preparing again decodes only what is new, and changes nothing when nothing is', () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    await putTones(raw);
    const files = ['dataset.json', 'recordings.jsonl', 'report.html', 'splits/recording-val20-test20-seed4.json'];
    const read = () => Promise.all(files.map((file) => readFile(join(dir, 'set', file), 'utf8')));
    const run = async () => {
      const progress: Progress[] = [];
      const dataset = await prepareDataset({
        data: dataConfig(raw, dir),
        split: splitConfig,
        features,
        onProgress: (one) => progress.push(one),
      });
      return { dataset, decoded: decodedIn(progress) };
    };
    const first = await run();
    assert.is(first.decoded.length, 6);
    const before = await read();
    assert.equal((await run()).decoded, []);
    assert.equal(await read(), before);

    await putFiles(raw, { 'c1/new.wav': encodeWav16(tone(999), rate) });
    const second = await run();
    assert.equal(second.decoded, ['c1/new.wav']);
    assert.is.not(second.dataset.manifest.id, first.dataset.manifest.id);

    await rm(join(raw, 'c1/new.wav'));
    const third = await run();
    assert.equal(third.decoded, []);
    assert.is(third.dataset.manifest.id, first.dataset.manifest.id);
    assert.is((await readdir(join(dir, 'set/shards'))).length, 7, 'shards of recordings that have gone are kept');
    assert.is((await third.dataset.unusedShards()).count, 1);
    assert.equal((await read()).slice(1, 2), before.slice(1, 2));
  }));

test('the labels that mean no event are part of what the dataset is', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const idWith = async (noEventLabels: string[]) => {
      const data = dataConfig(join(dir, 'raw'), dir, { noEventLabels });
      return (await prepareDataset({ data, split: splitConfig, features })).manifest.id;
    };
    const none = await idWith([]);
    const quiet = await idWith(['c1', 'c0']);
    assert.is.not(quiet, none);
    assert.is.not(await idWith(['c1']), quiet);
    assert.is(await idWith(['c0', 'c1']), quiet, 'their order says nothing');
    assert.is(await idWith(['rain']), none, 'a label that no recording has says nothing');
    assert.is((await Dataset.open(join(dir, 'set'))).manifest.id, none);
  }));

test('a damaged shard is made again, and opening one says what to do', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const options = { data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features };
    const dataset = await prepareDataset(options);
    const shard = join(dir, 'set', dataset.recordings[2]?.shard ?? '');
    await truncate(shard, 1000);
    try {
      await dataset.shardEntries();
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /The shard of c0\/4\.wav cannot be used .*run autobird prepare again/);
    }
    const again = await prepareDataset(options);
    assert.equal(again.recordings, dataset.recordings);
    assert.is((await again.shardEntries()).length, 6);
  }));

test('copies are found by their sound, whatever the container holds besides, and stay on one side', () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    await putTones(raw);
    await copyFile(join(raw, 'c0/0.wav'), join(raw, 'c0/same bytes.wav'));
    const other = Buffer.from(encodeWav16(tone(300), rate));
    await putFiles(raw, {
      'c1/other bytes.wav': Buffer.concat([other, Buffer.from('LIST\x04\x00\x00\x00INFO', 'latin1')]),
    });
    const dataset = await prepareDataset({ data: dataConfig(raw, dir), split: splitConfig, features });
    assert.is(dataset.manifest.counts.duplicates, 2);
    assert.match(
      dataset.manifest.warnings.join('\n'),
      'The same sound has several labels: c0/0.wav (c0), c0/same bytes.wav (c0), c1/other bytes.wav (c1)',
    );
    const [name = ''] = await dataset.splitNames();
    const { assignments } = await dataset.split(name);
    const own = assignments.filter(({ group }) => group === 'c0/0.wav');
    assert.equal(
      own.map(({ path }) => path),
      ['c0/0.wav', 'c0/same bytes.wav', 'c1/other bytes.wav'],
    );
    assert.is(new Set(own.map(({ side }) => side)).size, 1);
  }));

test('every file that cannot be used costs one row with its reason', () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    await putTones(raw);
    const wav = Buffer.from(encodeWav16(tone(500), rate));
    const claims = Buffer.from(wav);
    claims.writeUInt32LE(3600 * rate * 2, 40);
    const many = Buffer.from(wav);
    many.writeUInt16LE(8, 22);
    many.writeUInt16LE(16, 32);
    await putFiles(raw, {
      'c0/empty.wav': '',
      'c0/text.wav': 'this is a text\n',
      'c0/header only.wav': wav.subarray(0, 44),
      'c0/claims an hour.wav': claims,
      'c0/eight channels.wav': many,
      'c0/long.wav': encodeWav16(tone(400, 12), rate),
      'c0/big.wav': Buffer.concat([wav, Buffer.alloc(300000)]),
      'no class.wav': wav,
      'c0/folder.mp3/a, "b" #1 🐦.WAV': encodeWav16(tone(600, 0.1), rate),
    });
    const dataset = await prepareDataset({
      data: dataConfig(raw, dir, { maxDurationS: 10, maxFileBytes: 300000 }),
      split: splitConfig,
      features,
    });
    const { counts, rejected, warnings } = dataset.manifest;
    assert.equal(
      rejected.map(({ path, code }) => `${path}: ${code}`),
      [
        'c0/big.wav: too_large',
        'c0/eight channels.wav: too_many_channels',
        'c0/empty.wav: empty_file',
        'c0/header only.wav: no_samples',
        'c0/long.wav: too_long',
        'c0/text.wav: not_audio',
        'no class.wav: no_class_folder',
      ],
    );
    assert.is(counts.files, 15);
    assert.is(counts.recordings, 8);
    assert.ok(dataset.recordings.some(({ path }) => path === 'c0/folder.mp3/a, "b" #1 🐦.WAV'));
    assert.equal(warnings, ['c0/claims an hour.wav: the file ends before its header says; what is there is used']);
    for (const { reason } of rejected) assert.ok(reason.length > 20, reason);
  }));

// Root reads everything.
const testWithPermissions = process.getuid?.() === 0 ? test.skip : test;

testWithPermissions('a file that may not be read is rejected as unreadable', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    await chmod(join(dir, 'raw/c0/0.wav'), 0);
    const dataset = await prepareDataset({ data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features });
    assert.equal(
      dataset.manifest.rejected.map(({ path, code }) => [path, code]),
      [['c0/0.wav', 'unreadable']],
    );
  }),
);

test('labels, sessions and times come from the metadata; files it does not name are rejected', () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    await putTones(raw);
    await putFiles(dir, {
      'm.csv': [
        'file,species,recordist,date,time,licence',
        'c0/0.wav,Robin,Ann,2024-05-01,05:30,CC0',
        'c0/2.wav,Robin,Ann,2024-05-01,,CC0',
        'c0/4.wav,,Ann,2024-05-02,,CC0',
        'c1/1.wav,noise,Bob,2024-05-02,,CC0',
        'c1/3.wav,Wren,Bob,2024-05-03,,CC0',
        'c1/gone.wav,Wren,Bob,2024-05-03,,CC0',
      ].join('\n'),
    });
    const { manifest, recordings } = await prepareDataset({
      data: dataConfig(raw, dir, { metadata: [join(dir, 'm.csv')] }),
      split: splitConfig,
      features,
    });
    assert.equal(manifest.labels, ['Robin', 'Wren', 'noise']);
    assert.equal(manifest.noEventLabels, ['noise']);
    assert.is(manifest.counts.sessions, 3);
    assert.is(recordings[0]?.recordedAt, '2024-05-01T05:30:00');
    assert.is(recordings[0]?.session, 'Ann|2024-05-01');
    assert.equal(
      manifest.rejected.map(({ path, code }) => [path, code]),
      [
        ['c0/4.wav', 'no_label'],
        ['c1/5.wav', 'no_metadata_row'],
        ['c1/gone.wav', 'missing_file'],
      ],
    );
    assert.is(manifest.counts.files, 7);
  }));

test('a folder without a usable recording is an error that names the reasons', () =>
  withTempDir(async (dir) => {
    await putFiles(join(dir, 'raw'), { 'a/empty.wav': '', 'a/readme.txt': 'x' });
    try {
      await prepareDataset({ data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features });
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, 'no_recordings');
      assert.match(
        (error as Error).message,
        /none of its 1 files can be used:\n {2}a\/empty\.wav: The file has no bytes/,
      );
    }
  }));

test('two prepares of one dataset do not collide, and an aborted one leaves it usable', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const options = { data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features };
    let second: Promise<unknown> | undefined;
    await prepareDataset({
      ...options,
      // Begun while the first is at work, however slow the machine is.
      onProgress: () => {
        second ??= prepareDataset(options).then(
          () => null,
          (error) => error,
        );
      },
    });
    assert.match(String(await second), /is being prepared by process \d+ on .*wait for it/);

    const stop = new AbortController();
    await putFiles(join(dir, 'raw'), { 'c0/new.wav': encodeWav16(tone(777), rate) });
    const aborted = await prepareDataset({
      ...options,
      signal: stop.signal,
      onProgress: ({ stage }) => stage === 'hash' && stop.abort(new Error('enough')),
    }).catch((error: Error) => error);
    assert.match(String(aborted), 'enough');
    assert.is((await Dataset.open(join(dir, 'set'))).recordings.length, 6);
    assert.is((await prepareDataset(options)).recordings.length, 7);
  }));

test('recordings that are not those of dataset.json, and stale splits, are refused', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const dataset = await prepareDataset({ data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features });
    const file = join(dir, 'set/recordings.jsonl');
    const text = await readFile(file, 'utf8');
    const failure = () => Dataset.open(join(dir, 'set')).catch((error: { code?: string }) => error.code);
    await writeFile(file, text.split('\n').slice(1).join('\n'));
    assert.is(await failure(), 'unfinished_dataset');
    await writeFile(file, text);
    await appendFile(join(dir, 'set/dataset.json'), '}');
    assert.is(await failure(), 'not_json');
    await rm(join(dir, 'set/dataset.json'));
    assert.is(await failure(), 'no_dataset');
    const stale = new Dataset(dataset.dir, { ...dataset.manifest, id: '0123456789abcdef' }, dataset.recordings);
    const code = await stale.split('recording-val20-test20-seed4').catch((error: { code?: string }) => error.code);
    assert.is(code, 'stale_split');
    assert.is(await dataset.split('other').catch((error: { code?: string }) => error.code), 'no_split');
  }));

test('a cross-validation does not leave its last fold as the split of the dataset', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const dataset = await prepareDataset({ data: dataConfig(join(dir, 'raw'), dir), split: splitConfig, features });
    const prepared = (await dataset.currentSplits())[0]?.name;
    for (const fold of [0, 1]) {
      const { name } = await dataset.makeSplit({ ...splitConfig, folds: 2, fold });
      const later = new Date(Date.now() + 1000 * (fold + 1));
      await utimes(join(dataset.dir, 'splits', `${name}.json`), later, later);
    }
    assert.is((await dataset.currentSplits())[0]?.name, prepared);
    await rm(join(dataset.dir, 'splits', `${prepared}.json`));
    assert.match((await dataset.currentSplits())[0]?.name ?? '', 'fold1');
  }));

test('a table that nobody named and a single class are warned of', () =>
  withTempDir(async (dir) => {
    const rawDir = join(dir, 'raw');
    const audio = { 'audio/a.wav': encodeWav16(tone(300), rate), 'audio/b.wav': encodeWav16(tone(400), rate) };
    await putFiles(rawDir, { ...audio, 'metadata.csv': 'file,species\na.wav,wren\nb.wav,robin\n' });
    const data = dataConfig(rawDir, dir);
    const { manifest } = await prepareDataset({ data, split: splitConfig, features });
    const warnings = manifest.warnings.join('\n');
    assert.match(warnings, /^metadata\.csv: not read, .* prepare FOLDER --metadata FOLDER\/metadata\.csv$/m);
    assert.match(warnings, 'There is one class, audio, and training needs at least two');
    const named = { ...data, metadata: [join(rawDir, 'metadata.csv')] };
    const made = await prepareDataset({ data: named, split: splitConfig, features });
    assert.equal(made.manifest.labels, ['robin', 'wren']);
    assert.not.match(made.manifest.warnings.join('\n'), /not read|one class/);
  }));

test('a failure before anything was prepared leaves no folder', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'));
    const root = join(dir, 'data');
    const data = { ...dataConfig(join(dir, 'raw'), root), metadata: [join(dir, 'gone.csv')] };
    await rejects(prepareDataset({ data, split: splitConfig, features }), /There is no table/);
    assert.equal(await readdir(dir), ['raw']);
    await mkdir(root);
    await rejects(prepareDataset({ data, split: splitConfig, features }), /There is no table/);
    assert.equal(await readdir(root), [], 'what was there stays');
  }));

test('a clock that was never set and a date that two people read differently are warned of', () =>
  withTempDir(async (dir) => {
    await putFiles(join(dir, 'raw'), {
      'x/19700101_000554.WAV': encodeWav16(tone(300), rate),
      'x/20230514_0530.wav': encodeWav16(tone(400), rate),
      'x/old.wav': encodeWav16(tone(500), rate),
      'x/typed.wav': encodeWav16(tone(600), rate),
    });
    const metadata = join(dir, 'm.csv');
    await writeFile(
      metadata,
      'file,label,date\nx/19700101_000554.WAV,x,\nx/20230514_0530.wav,x,05/06/2023\nx/old.wav,x,1970-01-02\nx/typed.wav,y,\n',
    );
    const data = { ...dataConfig(join(dir, 'raw'), dir), metadata: [metadata] };
    const { manifest } = await prepareDataset({ data, split: splitConfig, features });
    assert.equal(manifest.warnings, [
      '1 date not understood (05/06/2023): write them as 2023-05-14',
      '1 recording of a recorder whose clock was never set (x/19700101_000554.WAV: 1970-01-01T00:05:54): the times mean nothing',
    ]);
    assert.match(await readFile(join(dir, 'set', 'report.html'), 'utf8'), 'whose clock was never set');
  }));

test("the gaps of an AudioMoth's trigger are in its shard, copies of it are found, and the limit on duration holds", () =>
  withTempDir(async (dir) => {
    const raw = join(dir, 'raw');
    await putTones(raw);
    const call = Buffer.from(encodeWav16(tone(900, 2), rate)).subarray(44, 44 + 512 * 60);
    const minute = gapSector((60 * rate * 2) / 512);
    const file = triggeredWav(rate, [minute, call, minute, call]);
    await putFiles(raw, { 'c0/moth.WAV': file, 'c0/copy.WAV': Buffer.concat([file, Buffer.alloc(4)]) });
    const prepared = (name: string, maxDurationS: number) =>
      prepareDataset({ data: dataConfig(raw, dir, { name, maxDurationS }), split: splitConfig, features });
    const { recordings, manifest } = await prepared('all', 3600);
    const moth = recordings.find(({ path }) => path === 'c0/moth.WAV');
    assert.is(moth?.durationS, 2 * (60 + 15_360 / rate));
    assert.is(moth?.sampleCount, 2 * (60 * rate + 15_360));
    assert.is(manifest.counts.duplicates, 1);
    assert.ok(
      manifest.warnings.some((line) => line.startsWith("c0/moth.WAV: an AudioMoth's trigger left out 2 gaps of 120 s")),
    );
    const { manifest: short } = await prepared('short', 100);
    assert.equal(
      short.rejected.map(({ path, code }) => [path, code]),
      [
        ['c0/copy.WAV', 'too_long'],
        ['c0/moth.WAV', 'too_long'],
      ],
    );
  }));

test.run();
