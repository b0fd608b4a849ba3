import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareDataset } from '../../src/data/prepare.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import { randomFor } from '../../src/random.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { tinyConfig, writeTones } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const settings = [
  'experiment=smoke',
  'features.sample_rate_hz=16000',
  'features.f_max_hz=8000',
  'clips.length_s=1',
  'clips.hop_s=0.5',
];

test('recordings that were made quieter have drifted, in figures, page, CSV and exit code', () =>
  withTempDir(async (dir) => {
    const raw = await writeTones(dir, 6);
    const quiet = await writeTones(join(dir, 'quiet'), 6);
    await halve(quiet);
    await writeFile(join(quiet, 'low', 'broken.wav'), 'nothing');
    const [page, csv] = [join(dir, 'drift.html'), join(dir, 'quiet.csv')];
    const words = ['drift', quiet, '--reference', raw, '--html', page, '--save', csv, '--fail-on-drift', ...settings];
    const { code, stdout, stderr } = await runCommand([...words, '--json']);
    assert.is(code, 1, stderr);
    assert.match(stderr, /broken\.wav: /);
    const result = JSON.parse(stdout);
    assert.is(result.dataset_drift, true);
    assert.equal([result.n_reference, result.n_current], [18, 18]);
    const columns = result.metrics[1].result.drift_by_columns;
    assert.is(columns.energy_mean.drift_detected, true);
    assert.is(columns.energy_mean.stattest_name, 'K-S p_value');
    const effect = result.corrected.find(({ name }: { name: string }) => name === 'energy_mean').effect;
    assert.equal([effect.kind, effect.size, Math.sign(effect.value)], ['cliffs_delta', 'large', -1]);
    const html = await readFile(page, 'utf8');
    assert.match(html, /Dataset Drift is detected\. Dataset drift detection threshold is 0\.5/);
    assert.not.match(html, /<script|https?:\/\/(?!www\.w3\.org)/);

    const same = await runCommand(['drift', csv, '-r', quiet, '--fail-on-drift', ...settings]);
    assert.is(same.code, 0, same.stderr);
    assert.match(same.stdout, /Dataset drift is NOT detected: 0 of 4 columns drifted/);
    assert.match(same.stdout, /energy_mean +K-S p_value +1\.000000 +no/);
  }));

test('a side of a dataset is read from its shards, with the label as target, and gives the features of its files', () =>
  withTempDir(async (dir) => {
    const raw = await writeTones(dir, 4);
    const config = tinyConfig(dir);
    await prepareDataset(config);
    const root = `data.root='${config.data.root}'`;
    const rest = [root, ...settings];
    const { code, stdout, stderr } = await runCommand(['drift', 'tones:train', '-r', 'tones:train', '--json', ...rest]);
    assert.is(code, 0, stderr);
    assert.is(JSON.parse(stdout).metrics[1].result.drift_by_columns.target.column_type, 'cat');
    const [shard, files] = [join(dir, 'shard.csv'), join(dir, 'files.csv')];
    await runCommand(['drift', 'tones:train', '-r', raw, '--save', shard, ...rest]);
    await runCommand(['drift', raw, '-r', raw, '--save', files, ...rest]);
    const decoded = new Map(
      (await readFile(files, 'utf8')).split('\r\n').map((line) => [line.split(',')[0]?.slice(raw.length + 1), line]),
    );
    const lines = (await readFile(shard, 'utf8')).trim().split('\r\n').slice(1);
    assert.ok(lines.length >= 6);
    for (const line of lines) {
      const [path, , ...values] = line.split(',');
      const [, , ...again] = (decoded.get(path) as string).split(',');
      // 16-bit blocks with a scale of their own are not quite the file's samples.
      for (const [i, value] of again.entries()) {
        assert.ok(Math.abs(Number(value) - Number(values[i])) < 1e-2, `${path}: ${value}, ${values[i]}`);
      }
    }
  }));

test('what cannot be compared is said with the way to do it', async () => {
  const nothing = await runCommand(['drift', 'field/']);
  assert.is(nothing.code, 2);
  assert.match(
    nothing.stderr,
    /Expected what to compare and with what: autobird drift FOLDER\|CSV\|DATASET:SIDE --reference/,
  );
  await withTempDir(async (dir) => {
    const csv = join(dir, 'a.csv');
    await writeFile(csv, 'recording,at,mel_mean\na,,1\nb,,\n');
    const other = join(dir, 'b.csv');
    await writeFile(other, 'recording,loudness\na,1\n');
    const { code, stderr } = await runCommand(['drift', csv, '-r', other]);
    assert.is(code, 1);
    assert.match(stderr, /The reference and the current rows have no column to compare/);
  });
});

test('tables as spreadsheets and R write them: missing words, decimal commas, an empty or missing column', () =>
  withTempDir(async (dir) => {
    const random = randomFor(1, 'tables');
    const values = Array.from({ length: 200 }, () => [
      random.normal().toFixed(4),
      random.normal().toFixed(4),
      'ab'[random.int(2)],
    ]);
    const csv = (part: readonly (readonly (string | undefined)[])[]) =>
      `x,y,prediction\n${part.map((row) => `${row.join(',')}\n`).join('')}`;
    const now = values.slice(100);
    const put = async (name: string, text: string) => {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    };
    const reference = await put('ref.csv', csv(values.slice(0, 100)));
    const run = async (name: string, text: string) => {
      const { code, stdout, stderr } = await runCommand(['drift', await put(name, text), '-r', reference, '--json']);
      assert.is(code, 0, stderr);
      const result = JSON.parse(stdout);
      return { ...result, columns: result.metrics[1].result.drift_by_columns, stderr };
    };
    const plain = await run('plain.csv', csv(now));
    assert.is(plain.dataset_drift, false);
    for (const word of ['NA', 'N/A', 'null', '-', 'NaN', ' ', '']) {
      const { columns, left_out } = await run(
        'missing.csv',
        csv([[word, ...(now[0] as string[]).slice(1)], ...now.slice(1)]),
      );
      assert.is(columns.x.column_type, 'num', word);
      assert.ok(columns.x.drift_score > 0.05, word);
      assert.equal(left_out, []);
    }
    const commas = await run('comma.csv', csv(now).replaceAll(',', ';').replaceAll('.', ','));
    assert.is(commas.columns.x.drift_score, plain.columns.x.drift_score);
    const empty = await run('empty.csv', csv(now.map(([, ...rest]) => ['', ...rest])));
    assert.equal(empty.left_out, [{ name: 'x', reason: 'the current rows have no value that is there and finite' }]);
    assert.equal(Object.keys(empty.columns).sort(), ['prediction', 'y']);
    const missing = await run('without.csv', csv(now).replaceAll(/^[^,]*,/gm, ''));
    assert.equal(missing.left_out, [{ name: 'x', reason: 'only the reference has it' }]);
    const dated = await run(
      'dated.csv',
      csv(now)
        .replace('x,y,', 'x,y,at,')
        .replaceAll(/,([ab])$/gm, ',05/06/2023,$1'),
    );
    assert.match(dated.stderr, /line 2: 05\/06\/2023 is no time in ISO 8601/);
  }));

test('DATASET:SIDE is of the only split there is; of several one is named', () =>
  withTempDir(async (dir) => {
    await writeTones(dir, 4);
    const config = tinyConfig(dir);
    const dataset = await prepareDataset(config);
    const [made] = await dataset.currentSplits();
    await dataset.makeSplit({ ...config.split, folds: 2, fold: 0 });
    const run = (...words: string[]) => runCommand(['drift', ...words, `data.root='${config.data.root}'`, ...settings]);
    const plain = await run('tones:train', '-r', 'tones:train');
    assert.is(plain.code, 0, plain.stderr);
    const other = await dataset.makeSplit({ ...config.split, seed: 99 });
    const refused = await run('tones:train', '-r', 'tones:train');
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /tones has 2 splits, .* and .*: say which, as tones:train:/);
    const named = await run(`tones:train:${made?.name}`, '-r', `tones:train:${other.name}`);
    assert.is(named.code, 0, named.stderr);
  }));

test.run();

/** Writes other tones, at a quarter of the level. */
async function halve(raw: string): Promise<void> {
  for (const [l, label] of ['low', 'middle', 'high'].entries()) {
    for (let n = 0; n < 6; n++) {
      const random = randomFor(5, label, n);
      const samples = Float64Array.from(
        { length: 32000 },
        (_, i) => 0.07 * Math.sin(i * (0.2 + 0.4 * l)) + 0.004 * random.normal(),
      );
      await writeFile(join(raw, label, `${n}.wav`), encodeWav16(samples, 16000));
    }
  }
}
