import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { takeLock } from '../../src/lock.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

interface Place {
  readonly dir: string;
  readonly sounds: string;
  predict(...words: string[]): ReturnType<typeof runCommand>;
}

/** Two readable recordings and a broken one. */
const withSounds = (body: (place: Place) => Promise<void>) => () =>
  withTempDir(async (dir) => {
    const sounds = join(dir, 'sounds');
    await mkdir(join(sounds, 'site, 1'), { recursive: true });
    await writeFile(join(sounds, 'a.wav'), chirpWav(2.5));
    await writeFile(join(sounds, 'site, 1', 'b "x" #🐦.WAV'), chirpWav(1.2, { seed: 3 }));
    await writeFile(join(sounds, 'broken.mp3'), 'not a sound');
    const model = await writeTinyModel(join(dir, 'model.safetensors'));
    const predict = (...words: string[]) => runCommand(['predict', '-c', model, ...words]);
    await body({ dir, sounds, predict });
  });

test(
  'a folder is predicted to standard output, one row a recording, broken ones too, and ends with 0',
  withSounds(async ({ sounds, predict }) => {
    const { code, stdout, stderr } = await predict(sounds, '--format', 'ndjson', '--min-score', '0');
    assert.is(code, 0);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.equal(
      rows.map((row) => row.recording.slice(sounds.length + 1)),
      ['a.wav', 'broken.mp3', 'site, 1/b "x" #🐦.WAV'],
    );
    assert.is(rows[1].error.code, 'not_audio');
    assert.equal(Object.keys(rows[0].scores), ['wren', 'robin', 'noise']);
    assert.ok(rows[0].detections.length > 0);
    assert.match(stderr, /3 recordings, 0:04 of sound.*1 that could not be predicted/);
  }),
);

test(
  'clips are added when asked for, and --json means the format json',
  withSounds(async ({ sounds, predict }) => {
    const [first] = JSON.parse((await predict(join(sounds, 'a.wav'), '--json', '--clips')).stdout);
    assert.is(first.clips.length, 5);
    assert.is(first.clips[0].scores.length, 3);
    assert.not.ok('clips' in JSON.parse((await predict(join(sounds, 'a.wav'), '--json')).stdout)[0]);
  }),
);

test(
  'the table is for a terminal of any width',
  withSounds(async ({ sounds, predict }) => {
    const { stdout } = await predict(sounds);
    assert.match(stdout, /^RECORDING +LENGTH +DET {2}BEST LABELS\n/);
    assert.match(stdout, /broken\.mp3 +- +- {2}! /);
  }),
);

test(
  'an output file is written whole at the end; the same command again decodes nothing, after a change only the change',
  withSounds(async ({ dir, sounds, predict }) => {
    const out = join(dir, 'birds.csv');
    assert.is((await predict(sounds, '-f', 'csv', '-o', out)).code, 0);
    const first = await readFile(out, 'utf8');
    assert.match(first, /broken\.mp3,,,,,,,,,,not_audio,/);
    const again = await predict(sounds, '-f', 'csv', '-o', out);
    assert.match(again.stderr, /2 of 3 recordings are done already/);
    assert.is(await readFile(out, 'utf8'), first);

    await writeFile(join(sounds, 'a.wav'), chirpWav(0.7, { seed: 5 }));
    assert.match((await predict(sounds, '-f', 'csv', '-o', out)).stderr, /1 of 3 recordings are done already/);
    assert.match(await readFile(out, 'utf8'), /a\.wav,0\.7,/);
  }),
);

test(
  'another format needs no other prediction, other options are refused until --restart',
  withSounds(async ({ dir, sounds, predict }) => {
    const out = join(dir, 'result');
    await predict(sounds, '-f', 'csv', '-o', out);
    const kaleidoscope = await predict(sounds, '-f', 'kaleidoscope', '-o', out);
    assert.match(kaleidoscope.stderr, /2 of 3 recordings are done already/);
    assert.match(await readFile(out, 'utf8'), /^INDIR,FOLDER/);
    assert.match(await readFile(`${out}.errors.csv`, 'utf8'), /broken\.mp3/);

    const refused = await predict(sounds, '-f', 'csv', '-o', out, '--min-score', '0.9');
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /minScore was 0\.25, is 0\.9.*--restart/);
    assert.is((await predict(sounds, '-f', 'csv', '-o', out, '--min-score', '0.9', '--restart')).code, 0);
  }),
);

test(
  'formats of single files make a folder with a file a recording and a list of what failed',
  withSounds(async ({ dir, sounds, predict }) => {
    for (const [format, extension] of [
      ['raven', '.selections.txt'],
      ['audacity', '.labels.txt'],
    ]) {
      const out = join(dir, `${format}/`);
      assert.is((await predict(sounds, '-f', format as string, '-o', out, '--min-score', '0')).code, 0);
      assert.equal(((await readdir(out, { recursive: true })) as string[]).sort(), [
        `a.wav${extension}`,
        'errors.csv',
        'journal.jsonl',
        'site, 1',
        `site, 1/b "x" #🐦.WAV${extension}`,
      ]);
      await rm(join(out, `a.wav${extension}`));
      await predict(sounds, '-f', format as string, '-o', out, '--min-score', '0');
      assert.ok((await readFile(join(out, `a.wav${extension}`), 'utf8')).length > 0, 'a lost file is written again');
    }
  }),
);

test(
  'a recording that cannot be read any more leaves no older result beside its row in errors.csv',
  withSounds(async ({ dir, sounds, predict }) => {
    const out = join(dir, 'tables/');
    await predict(sounds, '-f', 'raven', '-o', out);
    const table = join(out, 'a.wav.selections.txt');
    assert.match(await readFile(table, 'utf8'), 'Selection');
    await writeFile(join(sounds, 'a.wav'), 'not a sound');
    assert.is((await predict(sounds, '-f', 'raven', '-o', out)).code, 0);
    assert.match(await readFile(join(out, 'errors.csv'), 'utf8'), /a\.wav/);
    assert.not.ok((await readdir(out)).includes('a.wav.selections.txt'));
  }),
);

test(
  'what cannot be is refused before anything is decoded',
  withSounds(async ({ dir, sounds, predict }) => {
    const audacity = await predict(sounds, '-f', 'audacity');
    assert.is(audacity.code, 2);
    assert.match(audacity.stderr, /add --output FOLDER/);
    const table = await predict(sounds, '-o', dir);
    assert.is(table.code, 2);
    assert.match(table.stderr, /give --output a file name/);
    const overlap = await predict(sounds, '--overlap', '1');
    assert.is(overlap.code, 2);
    assert.match(overlap.stderr, /less than a clip's 1 seconds for overlapS but received 1/);
  }),
);

test(
  'it ends with 1 where nothing could be predicted',
  withSounds(async ({ dir, sounds, predict }) => {
    const broken = await predict(join(sounds, 'broken.mp3'));
    assert.is(broken.code, 1);
    assert.match(broken.stdout, /broken\.mp3/);
    await mkdir(join(dir, 'empty'));
    const empty = await predict(join(dir, 'empty'));
    assert.is(empty.code, 1);
    assert.match(empty.stderr, /No recordings in .*wav, mp3/);
  }),
);

test(
  'overrides stand among the recordings, and a file may look like one',
  withSounds(async ({ sounds, predict }) => {
    const odd = join(sounds, 'a.wav');
    const merged = JSON.parse((await predict(odd, 'predict.min_score=0', '--json')).stdout);
    const single = JSON.parse((await predict(odd, 'predict.min_score=0', 'predict.merge=false', '--json')).stdout);
    assert.ok(single[0].detections.length > merged[0].detections.length);
  }),
);

test(
  'two memory cards with equal names keep a file each, in whatever order they are predicted',
  withSounds(async ({ dir, predict }) => {
    const out = join(dir, 'out/');
    const [a, b] = [join(dir, 'cards/A'), join(dir, 'cards/B')];
    await mkdir(a, { recursive: true });
    await mkdir(b);
    await writeFile(join(a, 'x.WAV'), chirpWav(1));
    await writeFile(join(b, 'x.WAV'), chirpWav(2, { seed: 9 }));
    const run = async (card: string) => {
      const { code, stderr } = await predict(card, '-f', 'json', '-o', out);
      assert.is(code, 0, stderr);
      return stderr;
    };
    const seconds = async (name: string) => JSON.parse(await readFile(join(out, name), 'utf8'))[0].duration_s;
    await run(a);
    assert.match(await run(b), /1 recording with names that others have in .*x\.WAV is in .*out\/B\/x\.WAV\.json/);
    assert.match(await run(a), '1 of 1 recordings are done already');
    assert.equal([await seconds('x.WAV.json'), await seconds('B/x.WAV.json')], [1, 2]);
    assert.not.match(await run(b), 'names that others have');
  }),
);

test(
  'a folder that another command writes to is refused by naming it',
  withSounds(async ({ dir, sounds, predict }) => {
    const out = join(dir, 'out');
    await mkdir(out);
    const lock = await takeLock(join(out, 'journal.jsonl.lock'), { code: 'busy', doing: 'x' });
    const { code, stderr } = await predict(sounds, '-f', 'csv', '-o', out);
    assert.is(code, 1);
    assert.match(stderr, /out is being written by process \d+/);
    assert.equal(await readdir(out), ['journal.jsonl.lock']);
    await lock.release();
    assert.is((await predict(sounds, '-f', 'csv', '-o', out)).code, 0);
  }),
);

test(
  'after -- a name that begins with a dash is a recording, and one with = is a path because it is there',
  withSounds(async ({ dir, predict }) => {
    await writeFile(join(dir, '-dash.wav'), chirpWav(1));
    await writeFile(join(dir, 'year=2023.wav'), chirpWav(1, { seed: 5 }));
    const before = process.cwd();
    process.chdir(dir);
    try {
      const { code, stdout } = await predict('-f', 'ndjson', 'year=2023.wav', '--', '-dash.wav');
      assert.is(code, 0);
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).recording);
      assert.equal(rows, ['year=2023.wav', './-dash.wav']);
    } finally {
      process.chdir(before);
    }
  }),
);

test.run();
