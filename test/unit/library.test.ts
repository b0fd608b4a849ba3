/** What a program gives to the library: objects for configuration, and what is refused. */
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { completeConfig } from '../../src/config/completeConfig.ts';
import {
  Classifier,
  composeConfig,
  crossval,
  detectDrift,
  evaluate,
  listDatasets,
  prepare,
  readSide,
  synthesize,
  train,
} from '../../src/index.ts';
import { writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const message = async (body: () => unknown): Promise<string> => {
  try {
    await body();
  } catch (error) {
    assert.ok(['invalid_argument', 'config'].includes((error as { code?: string }).code ?? ''), String(error));
    return (error as Error).message;
  }
  return 'no error';
};

test('objects, choices and overrides give the configuration that overrides alone give', () => {
  const composed = composeConfig([
    'experiment=smoke',
    'model=reference',
    'data.raw_dir=birds',
    'optimizer.lr=0.5',
    'scheduler=step',
    'scheduler.step_size=7',
    'model.stem_channels=[8,16]',
    'data.columns.label=species',
  ]).config;
  const data = { rawDir: 'birds', columns: { label: 'species' } };
  const scheduler = { _target_: 'torch.optim.lr_scheduler.StepLR', stepSize: 7, gamma: 0.5 } as const;
  const config = { experiment: 'smoke', data, optimizer: { lr: 0.5 }, scheduler, model: { stemChannels: [8, 16] } };
  assert.equal(completeConfig({ config, overrides: ['model=reference'] }), composed);
  assert.is(completeConfig({ config: { data, model: 'reference' } }).model.stem, 'plain');
  assert.is(
    completeConfig({ config: { data, scheduler: { minLrRatio: 0.5 } } }).scheduler._target_,
    'autobird.CosineWarmup',
  );
  assert.is(
    completeConfig({ config: { data, optimizer: { lr: 0.5 } }, overrides: ['optimizer.lr=0.1'] }).optimizer.lr,
    0.5,
  );
  assert.equal(completeConfig({ config: composed, overrides: ['model=gone'] }), composed, 'complete ones stay');
});

test('all mistakes in an object are shown at once, with the nearest names', async () => {
  const wrong = { data: { rawDirr: 'x' }, training: { epochs: -1, gradclip: 1 }, modle: {}, model: 'refrence' };
  assert.is(
    await message(() => completeConfig({ config: wrong as never })),
    `6 mistakes in the configuration:
  model=refrence: no refrence in model (did you mean reference?)
  data.rawDirr: unknown key (did you mean rawDir?)
  training.gradclip: unknown key (did you mean gradClip?)
  modle: unknown key (did you mean model?)
  data.raw_dir: must be given: data.raw_dir=FOLDER
  training.epochs: expected a number of at least 1 but received -1`,
  );
});

test('a program prepares, trains and evaluates with objects alone', () =>
  withTempDir(async (dir) => {
    const { rawDir, metadata } = await synthesize(join(dir, 'sounds'), { recordingsPerSpecies: 3 });
    const data = { root: join(dir, 'data'), name: 'field' };
    const dataset = await prepare({ config: { data: { ...data, rawDir, metadata: [metadata] } } });
    assert.is((await listDatasets(data.root))[0]?.name, 'field');
    // The dataset knows where its recordings are.
    const config = { experiment: 'smoke', data, training: { epochs: 1 }, run: { root: join(dir, 'runs') } };
    const run = await train({ config });
    assert.is((await run.metrics()).length, 1);
    const report = await evaluate({ checkpoint: run.dir, dataset, split: (await dataset.splitNames())[0] as string });
    assert.ok(report.recordings.items > 0);
    const folds = await crossval({ config: { ...config, split: { folds: 2 } }, jobs: 1 });
    assert.is(folds.folds.length, 2);
  }));

test('what the compiler would refuse is refused in JavaScript too, with the nearest name', () =>
  withTempDir(async (dir) => {
    const path = await writeTinyModel(join(dir, 'a.safetensors'));
    using classifier = await Classifier.open(path);
    const cases: [string, () => unknown][] = [
      [
        'Expected the path of a checkpoint or run folder for the first argument but received undefined of type undefined',
        () => Classifier.open(undefined as never),
      ],
      [
        'Expected options of Classifier.open but received treads (did you mean threads?)',
        () => Classifier.open(path, { treads: 2 } as never),
      ],
      ['Expected options of train but received conifg (did you mean config?)', () => train({ conifg: {} } as never)],
      [
        'Expected an object of options for train but received undefined of type undefined',
        () => train(undefined as never),
      ],
      ['Expected options of prepare but received data', () => prepare({ data: {} } as never)],
      ['Expected options of evaluate but received sde (did you mean side?)', () => evaluate({ sde: 'test' } as never)],
      ['Expected options of crossval but received job (did you mean jobs?)', () => crossval({ job: 2 } as never)],
      [
        'Expected options of synthesize but received sed (did you mean seed?)',
        () => synthesize(dir, { sed: 2 } as never),
      ],
      [
        'Expected options of predictFile but received minScor (did you mean minScore?)',
        () => classifier.predictFile('a.wav', { minScor: 1 } as never),
      ],
      [
        'Expected the path or the bytes of a recording for the first argument but received undefined of type undefined',
        () => classifier.predictFile(undefined as never),
      ],
      [
        `Expected a list of paths (['dawn.wav']) for predictFiles but received "a.wav" of type string`,
        () => classifier.predictFiles('a.wav').next(),
      ],
      ['Expected a list of paths', () => classifier.predictFiles(undefined as never).next()],
      [
        'Expected options of predictStream but received overlap (did you mean overlapS?)',
        () => classifier.predictStream(Readable.from([]), { overlap: 1 } as never).next(),
      ],
      [
        'Expected options of embed but received limit (did you mean limits?)',
        () => classifier.embed('a.wav', { limit: {} } as never),
      ],
      [
        'Expected options of clipLogits but received overlap (did you mean overlapS?)',
        () => classifier.clipLogits('a.wav', { overlap: 1 } as never),
      ],
      [
        'Expected options of spectrogram but received signals (did you mean signal?)',
        () => classifier.spectrogram('a.wav', { signals: 1 } as never),
      ],
      [
        'Expected options of readSide but received modle (did you mean model?)',
        () => readSide('a.csv', { modle: null } as never),
      ],
      [
        'Expected options of detectDrift but received levl (did you mean level?)',
        () => detectDrift([], [], { levl: 0.1 } as never),
      ],
      [
        'Expected options of evaluation but received mistake (did you mean mistakes?)',
        () => evaluate({ evaluation: { mistake: 3 } } as never),
      ],
    ];
    for (const [expected, body] of cases) assert.match(await message(body), expected);
  }));

test.run();
