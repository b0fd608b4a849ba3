// time-limit: 400
/**
 * No key of the configuration is without effect (the original's learning rate was one): each is changed, and what comes
 * out of the stage that should read it must change. Where only speed changes, reading the key is watched instead.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runtimeInfo } from '../../bindings/index.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { classifierOptions, predictOptions } from '../../src/cli/commands/predict.ts';
import { composeConfig } from '../../src/config/compose.ts';
import type { Config } from '../../src/config/schema.ts';
import { prepareDataset } from '../../src/data/prepare.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import { randomFor } from '../../src/random.ts';
import { train } from '../../src/training/train.ts';
import { writeKnowingModel } from '../helpers/driftService.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { writeTones } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

/** A value that differs from the base, and what else must be so for the key to matter. */
type Change = readonly [value: string, ...given: string[]];

const metadata = "data.metadata=['RAW/birds.csv']";

/** Seen in the dataset folder. */
const preparing: Record<string, Change> = {
  'data.raw_dir': ['RAW/middle'],
  'data.root': ['DIR/elsewhere'],
  'data.name': ['other'],
  'data.metadata': ["['RAW/birds.csv']"],
  'data.columns.path': ['file2', metadata],
  'data.columns.label': ['species2', metadata],
  'data.columns.background': ['heard_too', metadata],
  'data.columns.session': ['session2', metadata],
  'data.columns.group': ['nest', metadata],
  'data.columns.date': ['date2', metadata],
  'data.columns.recordist': ['recordist2', metadata],
  'data.columns.fold': ['fold2', metadata],
  'data.columns.licence': ['licence2', metadata],
  'data.no_event_labels': ['[low]'],
  'data.extensions': ['[wav]'],
  'data.channel': ['left'],
  'data.max_file_bytes': ['70000'],
  'data.max_duration_s': ['1.5'],
  'data.max_channels': ['1'],
  'data.max_sample_rate_hz': ['20000'],
  'split.group_by': ['recording', metadata],
  'split.val_ratio': ['0.4'],
  'split.test_ratio': ['0.4'],
  'split.seed': ['5'],
  'split.folds': ['3'],
  'split.fold': ['1', 'split.folds=3'],
  'features.sample_rate_hz': ['22050'],
};

/** Seen in the run folder: weights, figures, report. */
const training: Record<string, Change> = {
  'clips.length_s': ['0.8'],
  'clips.hop_s': ['0.25'],
  'clips.pad_last': ['true'],
  'clips.min_rms': ['0.16'],
  'clips.min_mel_std': ['10'],
  'clips.min_clips_per_class': ['1000'],
  'features.n_fft': ['256', 'features.n_mels=16'],
  'features.hop_samples': ['400'],
  'features.n_mels': ['30'],
  'features.f_min_hz': ['100'],
  'features.f_max_hz': ['7000'],
  'features.log_offset': ['1e-3'],
  'features.background': ['none'],
  'augment.crop': ['grid'],
  'augment.activity': ['0'],
  'augment.gain_db': ['1'],
  'augment.noise_probability': ['0'],
  'augment.noise_snr_min_db': ['1'],
  'augment.noise_snr_max_db': ['10'],
  'augment.filter_db': ['1'],
  'augment.filter_knots': ['3'],
  'augment.mix_probability': ['0'],
  'augment.band_mask_width': ['8'],
  'augment.band_masks': ['1'],
  'augment.frame_mask_width': ['4'],
  'augment.frame_masks': ['1'],
  'model.stem': ['plain'],
  'model.stem_channels': ['[4,8,4]'],
  'model.stem_dropout': ['0.5'],
  'model.frequency_pooling': ['mean'],
  'model.d_model': ['16'],
  'model.n_heads': ['4'],
  'model.n_layers': ['2'],
  'model.ff_dim': ['8'],
  'model.dropout': ['0.5'],
  'model.pooling': ['attention'],
  'model.max_len': ['100'],
  'optimizer._target_': ['torch.optim.Adam'],
  'optimizer.lr': ['0.01'],
  'optimizer.weight_decay': ['0.5'],
  'optimizer.beta1': ['0.5'],
  'optimizer.beta2': ['0.9'],
  'optimizer.eps': ['0.1'],
  'scheduler.warmup_epochs': ['0.0'],
  'scheduler.min_lr_ratio': ['0.9'],
  'scheduler.step_size': ['1', 'scheduler=step'],
  'scheduler.gamma': ['0.1', 'scheduler=step', 'scheduler.step_size=1'],
  'training.steps': ['7', 'training.epochs=null', 'training.steps_per_epoch=null', 'training.steps=6'],
  'training.epochs': ['3'],
  'training.batch_size': ['4'],
  'training.steps_per_epoch': ['2'],
  'training.grad_clip': ['0.01'],
  'training.ema_decay': ['0.1'],
  'training.label_smoothing': ['0.2'],
  'training.sampling': ['none'],
  'training.patience': ['1', 'training.metric=val_accuracy', 'training.epochs=5', 'optimizer.lr=1e-12'],
  'training.metric': ['val_accuracy', 'training.epochs=5', 'optimizer.lr=1e-12'],
  'training.validations': ['1'],
  'training.seed': ['5'],
  'training.device': [runtimeInfo().cudaAvailable ? 'cpu' : 'cuda'],
  'training.precision': ['bf16'],
  'training.threads': ['2'],
  'training.loader_threads': ['2'],
  'evaluation.aggregation': ['majority'],
  'evaluation.audio': ['shards'],
  'evaluation.calibration_bins': ['3'],
  'evaluation.mistakes': ['1'],
  'run.root': ['DIR/elsewhere'],
  'run.resume': ['DIR/nowhere'],
};

/** Seen in what the command prints. */
const predicting: Record<string, Change> = {
  'predict.format': ['csv'],
  'predict.overlap_s': ['0.9'],
  'predict.min_score': ['0.9', 'predict.min_score=0'],
  'predict.top_k': ['1', 'predict.min_score=0'],
  'predict.merge': ['false', 'predict.min_score=0'],
};

const byModel = ['drift.reference=DIR/tiny.safetensors', 'drift.current=DIR/known'];

/** Seen in what `autobird drift` says. Those of `monitor` are watched in test/services/driftConfig.test.ts. */
const drifting: Record<string, Change> = {
  'drift.reference': ['DIR/after.csv'],
  'drift.current': ['DIR/before.csv'],
  'drift.share': ['0.9'],
  'drift.p_value': ['1e-9'],
  'drift.distance': ['0.2', 'drift.reference=DIR/many.csv'],
  'drift.level': ['1e-30'],
  'drift.class_rows': ['1000'],
  'drift.embeddings': ['false', ...byModel],
  'drift.permutations': ['50', ...byModel],
  'drift.window.rows': ['30'],
  'drift.window.max_s': ['600'],
  'drift.window.min_rows': ['15', 'drift.window.max_s=600'],
  'drift.alarm.raise_at': ['0.7'],
  'drift.alarm.clear_below': ['0.1'],
  'drift.alarm.windows': ['1'],
  'drift.alarm.of': ['2'],
};

/** Only speed and memory change. */
const onlyRead = ['data.workers', 'evaluation.batch_size', 'predict.batch_size', 'predict.workers'];

test('every key is in exactly one of the tables of this test', () => {
  const known = new Set<string>();
  for (const scheduler of ['cosine', 'step']) {
    const { resolved } = composeConfig(['data.raw_dir=x', `scheduler=${scheduler}`]);
    // Those of the services are watched in test/services.
    for (const path of leaves(resolved)) if (!/^(service|drift\.monitor)\./.test(path)) known.add(path);
  }
  // Chosen by the group: `scheduler=step` above is its change.
  known.delete('scheduler._target_');
  const tested = [preparing, training, predicting, drifting].flatMap((table) => Object.keys(table)).concat(onlyRead);
  assert.ok(known.size > 70, `${known.size} keys`);
  assert.equal(tested.sort(), [...known].sort());
});

test('every key that prepare should read changes the dataset', () =>
  withTempDir(async (dir) => {
    await writeRecordings(dir);
    await eachChanges(preparing, (overrides) => observePrepare(dir, overrides));
  }));

test('every key that training should read changes the run', () =>
  withTempDir(async (dir) => {
    await writeRecordings(dir);
    await prepareDataset(configOf(dir, []));
    await eachChanges(training, (overrides) => observeTrain(dir, overrides));
  }));

test('every key that predict should read changes what it prints', () =>
  withTempDir(async (dir) => {
    await writeRecordings(dir);
    const config = configOf(dir, []);
    await prepareDataset(config);
    const run = await train({ config });
    await eachChanges(predicting, async (overrides) => {
      const words = ['predict', join(dir, 'raw', 'low'), '--checkpoint', run.dir, '--clips', 'predict.format=json'];
      const { code, stdout, stderr } = await runCommand([...words, ...overrides]);
      assert.is(code, 0, stderr);
      return stdout;
    });
  }));

test('every key that drift should read changes what it says', () =>
  withTempDir(async (dir) => {
    await writeKnowingModel(dir);
    await writeDriftTables(dir);
    await eachChanges(drifting, async (overrides) => {
      const words = ['drift.reference=DIR/before.csv', 'drift.current=DIR/after.csv', 'drift.window.rows=20'];
      // What is given stands for what is there, which Hydra does not take twice.
      const given = [...words, 'drift.window.min_rows=10'].filter(
        (word) => !overrides.some((other) => other.startsWith(word.replace(/=.*/, '='))),
      );
      const places = [...given, ...newestOf(overrides)].map((word) => word.replace('DIR', dir));
      const { code, stdout, stderr } = await runCommand(['drift', '--json', ...places]);
      assert.is(code, 0, stderr);
      return stdout;
    });
  }));

test('what only changes speed is read', () =>
  withTempDir(async (dir) => {
    await writeRecordings(dir);
    const read = new Set<string>();
    const config = watched(configOf(dir, []), '', read);
    await prepareDataset(config);
    await train({ config });
    classifierOptions({ device: 'cpu', precision: 'f32' }, config);
    predictOptions(config, new AbortController().signal);
    for (const path of onlyRead) assert.ok(read.has(path), `${path} is never read`);
  }));

test.run();

/** The observation must not change by itself, and must change with each key. */
async function eachChanges(
  table: Record<string, Change>,
  observe: (overrides: readonly string[]) => Promise<string>,
): Promise<void> {
  const bases = new Map<string, string>();
  const base = async (given: readonly string[]) => {
    const key = given.join(' ');
    if (!bases.has(key)) bases.set(key, await observe(given));
    return bases.get(key) as string;
  };
  assert.is(await observe([]), await base([]), 'the same configuration gives another result');
  for (const [path, [value, ...given]] of Object.entries(table)) {
    assert.is.not(await observe([...given, `${path}=${value}`]), await base(given), `${path} changes nothing`);
  }
}

function configOf(dir: string, overrides: readonly string[]): Config {
  const place = (text: string) => text.replace('RAW', join(dir, 'raw')).replace('DIR', dir);
  const { config } = composeConfig(
    [
      'experiment=smoke',
      'data.raw_dir=RAW',
      'data.root=DIR/data',
      'run.root=DIR/runs',
      'split.val_ratio=0.25',
      'split.test_ratio=0.25',
      'features.sample_rate_hz=16000',
      'features.f_max_hz=8000',
      'augment.noise_probability=0.5',
      'training.precision=f32',
      'training.batch_size=6',
      'training.steps_per_epoch=3',
      'clips.min_mel_std=0.001',
      ...overrides,
    ].map(place),
  );
  return config;
}

/** Twelve tones, one of them in stereo at another rate and named .mp3, and a table about them with second opinions. */
async function writeRecordings(dir: string): Promise<void> {
  const raw = await writeTones(dir, 4);
  const stereo = encodeWav16(
    Float64Array.from({ length: 96000 }, (_, i) => 0.3 * Math.sin(i / 3)),
    24000,
  );
  stereo.writeUInt16LE(2, 22); // channels
  stereo.writeUInt32LE(96000, 28); // bytes a second
  stereo.writeUInt16LE(4, 32); // bytes a frame
  await writeFile(join(raw, 'middle', 'stereo.mp3'), stereo);
  const columns =
    'file,file2,species,species2,background_species,heard_too,session,session2,nest,date,date2,recordist,recordist2,fold,fold2,licence,licence2';
  const files = ['low', 'middle', 'high'].flatMap((label) => [0, 1, 2, 3].map((n) => `${label}/${n}.wav`));
  const rows = files.map((file, i) => {
    const other = files[(i + 5) % files.length];
    const species = file.split('/')[0];
    const pair = i >> 1;
    return `${file},${other},${species},${i % 2 ? 'odd' : 'even'},low,high,s${pair},t${i % 6},n${i % 4},2020-01-01,2021-02-02,Ann,Bo,${i % 3},${i % 2},CC0,CC BY`;
  });
  await writeFile(join(raw, 'birds.csv'), `${[columns, ...rows].join('\n')}\n`);
  await mkdir(join(dir, 'elsewhere'), { recursive: true });
}

/** One override a key: the last one given. */
function newestOf(overrides: readonly string[]): string[] {
  return [...new Map(overrides.map((word) => [word.replace(/=.*/, ''), word])).values()];
}

/**
 * A minute a row: sixty rows, a thousand and one, and six windows of twenty of which so many of the four features have
 * drifted that the alarm rises with the third and ends with the fifth.
 */
async function writeDriftTables(dir: string): Promise<void> {
  const table = (rows: number, drifted: (row: number) => number) => {
    const lines = Array.from({ length: rows }, (_, row) => {
      const random = randomFor(row, 'drift table');
      const values = [0, 1, 2, 3].map((column) => random.normal() + (column < drifted(row) ? 9 : 0));
      return [new Date(60_000 * row).toISOString(), ...values, row % 2 === 0 ? 'wren' : 'robin'].join();
    });
    return `at,a,b,c,d,target\n${lines.join('\n')}\n`;
  };
  const perWindow = [3, 0, 3, 1, 1, 0];
  await writeFile(
    join(dir, 'before.csv'),
    table(60, () => 0),
  );
  await writeFile(
    join(dir, 'many.csv'),
    table(1001, () => 0),
  );
  await writeFile(
    join(dir, 'after.csv'),
    table(120, (row) => perWindow[Math.floor(row / 20)] as number),
  );
}

async function observePrepare(dir: string, overrides: readonly string[]): Promise<string> {
  const config = configOf(dir, overrides);
  try {
    const { dir: folder } = await prepareDataset(config);
    const names = (await readdir(folder, { recursive: true })).filter((name) => /\.jsonl?$/.test(name)).sort();
    const texts = names
      // A folder that was prepared with other split options keeps those splits.
      .filter((name) => !name.startsWith('splits'))
      .map(async (name) => `${name}\n${await readFile(join(folder, name), 'utf8')}`);
    const split = JSON.stringify(await (await prepareDataset(config)).makeSplit(config.split));
    return [relative(dir, folder), ...(await Promise.all(texts)), split].join('\n').replace(/"created_at".*/g, '');
  } catch (error) {
    return String(error);
  }
}

async function observeTrain(dir: string, overrides: readonly string[]): Promise<string> {
  const config = configOf(dir, overrides);
  try {
    const notes: string[] = [];
    const run = await train({ config, onNote: (line) => notes.push(line) });
    const last = await readCheckpoint(run.lastCheckpoint);
    const best = await readCheckpoint(run.bestCheckpoint);
    const weights = createHash('sha256');
    for (const { name, data } of [...last.tensors, ...best.tensors]) weights.update(name).update(data);
    const { config: _, versions: __, ...metadata } = best.metadata;
    const report = await readFile(join(run.dir, 'report.html'), 'utf8');
    return [
      relative(dir, config.run.root),
      // Times differ without reason.
      ...notes
        .filter((line) => !/^Writes to| is finished and of this configuration/.test(line))
        .map((line) => line.replace(/, \d+ samples\/s/, '')),
      weights.digest('hex'),
      JSON.stringify(metadata).replace(/"(samplesPerS|durationS)":[\d.]+/g, ''),
      JSON.stringify(await run.report()).replace(/"(createdAt|trainedAt|run)":"[^"]*"/g, ''),
      (report.match(/<img/g) ?? []).length,
    ].join('\n');
  } catch (error) {
    return String(error);
  }
}

function leaves(node: unknown, path = ''): string[] {
  if (node === null || typeof node !== 'object' || Array.isArray(node)) return [path];
  return Object.entries(node).flatMap(([key, value]) => leaves(value, path === '' ? key : `${path}.${key}`));
}

/** The same object; what is read of it is noted by its path in snake_case. */
function watched<T extends object>(target: T, path: string, read: Set<string>): T {
  return new Proxy(target, {
    get(object, key, receiver) {
      const value = Reflect.get(object, key, receiver);
      if (typeof key === 'symbol') return value;
      const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const place = path === '' ? snake : `${path}.${snake}`;
      read.add(place);
      return value !== null && typeof value === 'object' && !Array.isArray(value) ? watched(value, place, read) : value;
    },
  });
}
