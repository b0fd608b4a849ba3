// biome-ignore-all lint/suspicious/noTemplateCurlyInString: interpolations of the configuration, not of JavaScript
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { AutobirdError } from '../../bindings/errors.ts';
import { ConfigError } from '../../src/config/ConfigError.ts';
import { type ComposeOptions, composeConfig } from '../../src/config/compose.ts';
import { parseOverride, quoteValue } from '../../src/config/grammar.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import type { Node } from '../../src/config/node.ts';
import { hintedKeys } from '../../src/config/otherNames.ts';
import { optimizerOptions } from '../../src/config/registry.ts';
import { configSchema } from '../../src/config/schema.ts';
import { encode } from '../../src/schema/case.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const raw = 'data.raw_dir=birds';

function mistakes(overrides: string[], options: ComposeOptions = {}): string {
  try {
    composeConfig(overrides, options);
  } catch (error) {
    assert.instance(error, ConfigError);
    assert.instance(error, AutobirdError);
    assert.is((error as ConfigError).code, 'config');
    return (error as Error).message;
  }
  return 'no mistakes';
}

function one(message: string): string {
  return `1 mistake in the configuration:\n  ${message}`;
}

async function withConfigDir(
  files: Record<string, string>,
  body: (dir: string) => void | Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(dir, path, '..'), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    await body(dir);
  });
}

test('the defaults are complete but for the folder of recordings', () => {
  const { config, resolved, sources, choices } = composeConfig([raw]);
  assert.is(config.data.rawDir, 'birds');
  assert.is(config.features.logOffset, 1e-6);
  assert.equal(config.model.stemChannels, [24, 48, 96]);
  assert.equal(encode(configSchema, config), resolved);
  assert.equal(Object.keys(resolved), Object.keys(configSchema.shape));
  assert.is(choices['optimizer'], 'adamw');
  assert.is(choices['experiment'], null);
  assert.ok(sources.some(({ path }) => path === 'optimizer/adamw'));
  assert.is(mistakes([]), one('data.raw_dir: must be given: data.raw_dir=FOLDER'));
});

test('the reference experiment is the original system', () => {
  const { config } = composeConfig(['experiment=reference', raw]);
  const { sampleRateHz, hopSamples, nMels, fMinHz, fMaxHz, background } = config.features;
  assert.equal([sampleRateHz, hopSamples, nMels, fMinHz, fMaxHz, background], [16000, 512, 64, 20, 8000, 'none']);
  assert.equal([config.clips.minRms, config.clips.minMelStd, config.clips.minClipsPerClass], [0.005, 0.1, 50]);
  assert.equal(config.optimizer, {
    _target_: 'torch.optim.Adam',
    lr: 3e-4,
    weightDecay: 1e-4,
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
  });
  assert.equal(config.scheduler, { _target_: 'torch.optim.lr_scheduler.StepLR', stepSize: 5, gamma: 0.5 });
  assert.equal([config.model.dModel, config.model.nHeads, config.model.nLayers, config.model.ffDim], [64, 2, 1, 2048]);
  assert.is(config.evaluation.aggregation, 'majority');
});

test('every choice of every group composes', () => {
  const groups = {
    split: ['default', 'reference'],
    clips: ['default', 'reference'],
    features: ['default', 'reference'],
    augment: ['default', 'none', 'reference'],
    model: ['default', 'reference'],
    optimizer: ['adam', 'adamw'],
    scheduler: ['cosine', 'step'],
    training: ['default', 'reference'],
    evaluation: ['default', 'reference'],
    experiment: ['quickstart', 'reference', 'smoke'],
  };
  for (const [group, choices] of Object.entries(groups)) {
    for (const choice of choices) assert.is(composeConfig([raw, `${group}=${choice}`]).choices[group], choice);
  }
});

test('an experiment may be appended, and an outside choice wins over it', () => {
  const { config, choices } = composeConfig(['+experiment=reference', 'model=default', 'training.epochs=3', raw]);
  assert.is(choices['experiment'], 'reference');
  assert.is(config.model.stem, 'residual');
  assert.is(config.features.nMels, 64);
  assert.is(config.training.epochs, 3);
});

test('only the groups that are needed are looked at', () => {
  const { config, resolved } = composeConfig(['predict.top_k=5'], { groups: ['predict', 'training'] });
  assert.is(config.predict.topK, 5);
  assert.equal(Object.keys(resolved), ['training', 'predict']);
  assert.is(
    mistakes(['predict.top_k=0'], { groups: ['predict'] }),
    one('predict.top_k: expected a number of at least 1 but received 0'),
  );
});

test('all mistakes are shown at once, with the nearest names', () => {
  assert.is(
    mistakes([
      'optimizer.lrr=1',
      'modle=reference',
      'split.grou_by=session',
      'data={rawdir: 3}',
      'clips.length_s=-1',
      'training.metric=accuracy',
      'training.epochs=1e3',
      'model.d_model=95',
      'features.n_fft=1000',
      'features.f_max_hz=20000',
      'scheduler.step_size=3',
      'run.root=${data.rooot}',
      '+augment.gain=3',
    ]),
    `13 mistakes in the configuration:
  optimizer.lrr=1: unknown key optimizer.lrr (did you mean lr?)
  modle=reference: unknown key modle (did you mean model=reference?)
  split.grou_by=session: unknown key split.grou_by (did you mean group_by?)
  data={rawdir: 3}: unknown key data.rawdir (did you mean raw_dir?)
  scheduler.step_size=3: scheduler=cosine has no step_size: scheduler=step has it
  data.raw_dir: must be given: data.raw_dir=FOLDER
  run.root: \${data.rooot} names nothing (did you mean root?)
  augment.gain: unknown key (did you mean gain_db?)
  clips.length_s: expected a number above 0 but received -1
  features.n_fft: expected a power of two but received 1000
  features.f_max_hz: expected a frequency above f_min_hz and at most half of sample_rate_hz but received 20000
  model.d_model: expected a multiple of n_heads but received 95
  training.metric: expected one of "val_balanced_accuracy", "val_accuracy", "val_loss" but received "accuracy"`,
  );
});

test('mistakes in words, groups, names and values are shown together', () => {
  assert.is(
    mistakes([
      'optimizer.lr=1,2',
      'model=refrence',
      'experiment=3',
      'augment.gain=2',
      'model.n_heads=5',
      'training.epochs=-1',
      'scheduler.step_size=3',
      'lr',
    ]),
    `7 mistakes in the configuration:
  optimizer.lr=1,2: several values are a sweep, which a single run is not: give one value, and run the command once for each; for one text write optimizer.lr='1,2' (quoted for the shell too: optimizer.lr=\\'1,2\\'), for a list optimizer.lr=[1,2]
  Expected key=value, +key=value, ++key=value, ~key or group=choice but received "lr"
  experiment=3: experiment is a group: expected one of quickstart, reference, smoke
  model=refrence: no refrence in model (did you mean reference?)
  augment.gain=2: unknown key augment.gain (did you mean gain_db?)
  data.raw_dir: must be given: data.raw_dir=FOLDER
  training.epochs: expected a number of at least 1 but received -1`,
  );
});

test('a group that is misspelled is offered with a choice, where a choice was given', () => {
  const cases: [string, string][] = [
    ['modle=refrence', 'unknown key modle (did you mean model=reference?)'],
    ['modle=large', 'unknown key modle (did you mean model=default or model=reference?)'],
    ['trainin.epochs=3', 'unknown key trainin (did you mean training?)'],
    ['modle={n_heads: 2}', 'unknown key modle (did you mean model?)'],
    ['model=large', 'no large in model (known are default, reference)'],
  ];
  for (const [text, message] of cases) assert.is(mistakes([raw, text]), one(`${text}: ${message}`));
});

test('a name of another tool says what it is called here', () => {
  const cases: [string, string][] = [
    ['training.amp=true', 'training.amp=true: unknown key training.amp (here it is training.precision)'],
    ['+training.amp=true', 'training.amp: unknown key (here it is training.precision)'],
    ['train.hp.lr=1', 'train.hp.lr=1: unknown key train (here it is optimizer.lr)'],
    ['hydra.run.dir=x', 'hydra.run.dir=x: unknown key hydra (here it is run.root)'],
    [
      'training.precision=fp1',
      'training.precision: expected one of "auto", "f32", "bf16", "fp16" but received "fp1" (did you mean "fp16"?)',
    ],
  ];
  for (const [text, message] of cases) assert.is(mistakes([raw, text]), one(message), text);
  const { resolved } = composeConfig([raw]);
  assert.ok(hintedKeys.length > 10);
  for (const key of hintedKeys) {
    const value = key.split('.').reduce<unknown>((node, name) => (node as Record<string, unknown>)?.[name], resolved);
    assert.is.not(value, undefined, `${key} is hinted at and not there`);
  }
});

test('an experiment goes with every choice of every group', () => {
  const others = {
    scheduler: ['cosine', 'step'],
    optimizer: ['adam', 'adamw'],
    model: ['default', 'reference'],
    augment: ['default', 'none', 'reference'],
    training: ['default', 'reference'],
    features: ['default', 'reference'],
  };
  for (const experiment of ['smoke', 'quickstart', 'reference']) {
    for (const [group, choices] of Object.entries(others)) {
      for (const choice of choices) composeConfig([raw, `experiment=${experiment}`, `${group}=${choice}`]);
    }
  }
});

test('the small experiments train on a dataset that was prepared with the defaults', () => {
  const rate = (...overrides: string[]) => composeConfig([raw, ...overrides]).config.features.sampleRateHz;
  for (const experiment of ['smoke', 'quickstart']) assert.is(rate(`experiment=${experiment}`), rate());
});

test('each kind of override says what is wrong with it', () => {
  const cases: [string, string][] = [
    ['model=../../etc', 'model=../../etc: no ../../etc in model (known are default, reference)'],
    [
      'optimizer.lr=choice(1,2)',
      'optimizer.lr=choice(1,2): choice(…) is a sweep or a cast, which has no meaning in a single run: give the value itself',
    ],
    ['data.name=a!b', 'data.name=a!b: unexpected "!": put quotes around text with special characters'],
    ['data.metadata=[a', 'data.metadata=[a: expected "]" but received "end"'],
    [
      'data.name=',
      'data.name: expected letters, digits, "_", "-" and "." only, with a letter, digit or "_" first but received ""',
    ],
    [
      'data.name=..',
      'data.name: expected letters, digits, "_", "-" and "." only, with a letter, digit or "_" first but received ".."',
    ],
    [
      'data.name=.hidden',
      'data.name: expected letters, digits, "_", "-" and "." only, with a letter, digit or "_" first but received ".hidden"',
    ],
    ['clips.hop_s=0.0001', 'clips.hop_s: expected a number of at least 0.05 but received 0.0001'],
    ['+training.seed=3', '+training.seed=3: training.seed is there already; change it with training.seed=3'],
    ['~training.epoch', '~training.epoch: there is no training.epoch to delete'],
    ['~training.seed=3', '~training.seed=3: training.seed is 4'],
    ['~model.stem_channels.0', '~model.stem_channels.0: an item of a list cannot be deleted; give the whole list'],
    [
      'model.stem_channels={a: 1}',
      'model.stem_channels={a: 1}: model.stem_channels is a list; a mapping cannot take its place',
    ],
    ['~training.epochs', 'training.epochs: missing: expected a number'],
    [
      '++model=reference',
      '++model=reference: ++ is for values; a group is set by model=reference or appended by +model=reference',
    ],
    ['+model=reference', '+model=reference: model is in the defaults list already, write model=reference'],
    ['model@x=reference', 'model@x=reference: a group is placed by its own package here, write model=…'],
    ['~model=reference', '~model=reference: no such choice in the defaults list'],
    [
      'optimizer._target_=torch.optim.SGD',
      'optimizer._target_: expected one of "torch.optim.Adam", "torch.optim.AdamW" but received "torch.optim.SGD"',
    ],
    [
      'scheduler._target_=os.system',
      'scheduler._target_: expected one of "torch.optim.lr_scheduler.StepLR", "autobird.CosineWarmup" but received "os.system"',
    ],
    [
      'training={epochs: 3, steps: 7}',
      'training.epochs: expected null beside a number of steps, because one of the two says how long, but received 3',
    ],
    [
      'training={epochs: null, steps: null}',
      'training.steps: expected auto, a number of steps, or a number in training.epochs but received null',
    ],
    [
      'training.steps_per_epoch=9',
      'training.steps_per_epoch: expected null without training.epochs, where training.steps says how many in all, but received 9',
    ],
    ['training.steps=most', 'training.steps: expected one of "auto", a number but received "most"'],
    ['training.epochs=2.5', 'training.epochs: expected a whole number but received 2.5'],
    ['training.epochs="3"', 'training.epochs: expected a number but received "3"'],
    ['predict.merge=1', 'predict.merge: expected true or false but received 1'],
    [
      'run.root=${oc.env:AUTOBIRD_NO_SUCH_VARIABLE}',
      'run.root: the environment variable AUTOBIRD_NO_SUCH_VARIABLE is not set',
    ],
    ['run.root=${run.resume}${run.root}', 'run.root: run.root → run.root goes in a circle'],
    ['run.root=${nothing:x}', 'run.root: ${nothing:…} is unknown: known are oc.decode, oc.env, oc.select'],
    ["run.root='${data.root'", 'run.root: "${data.root" has no closing brace'],
  ];
  for (const [text, message] of cases) assert.is(mistakes([raw, text]), one(message), text);
});

test('interpolation reaches other groups and the environment', () => {
  process.env['AUTOBIRD_TEST_EPOCHS'] = '7';
  const { config, tree } = composeConfig([
    raw,
    'data.name=field',
    'run.root=runs/${data.name}-${training.seed}',
    "training.epochs='${oc.decode:${oc.env:AUTOBIRD_TEST_EPOCHS,3}}'",
    'predict.batch_size=${training.batch_size}',
    'data.root=${oc.env:AUTOBIRD_NO_SUCH_VARIABLE,/tmp/x}',
  ]);
  assert.is(config.run.root, 'runs/field-4');
  assert.is(config.training.epochs, 7);
  assert.is(config.predict.batchSize, 32);
  assert.is(config.data.root, '/tmp/x');
  assert.is((tree.get('run') as Map<string, unknown>).get('root'), 'runs/${data.name}-${training.seed}');
});

test("a user's folder comes before the built-in one and may add choices", async () => {
  const files = {
    'model/mine.yaml': 'defaults:\n  - default\n\nd_model: 32\n',
    'experiment/mine.yaml': '# @package _global_\ndefaults:\n  - override /model: mine\n\ntraining: {epochs: 5}\n',
    'run/default.yaml': 'root: elsewhere\nresume: never\n',
  };
  await withConfigDir(files, (configDir) => {
    const { config } = composeConfig([raw, 'experiment=mine'], { configDir });
    assert.equal([config.model.dModel, config.model.nHeads, config.training.epochs], [32, 4, 5]);
    assert.is(config.run.root, 'elsewhere');
    assert.match(mistakes([raw, 'model=min'], { configDir }), 'no min in model (did you mean mine?)');
  });
  assert.is(
    mistakes([raw], { configDir: '/no/such/folder' }),
    one('/no/such/folder is not a folder of configurations'),
  );
});

test('a file that cannot be read is refused with its place', async () => {
  const files = {
    'model/twice.yaml': 'stem: plain\nstem: plain\n',
    'model/list.yaml': '- a\n',
    'model/header.yaml': '# @package a b\nstem: plain\n',
    'model/defaults.yaml': 'defaults: {a: b}\n',
    'experiment/order.yaml': '# @package _global_\ndefaults:\n  - override /model: default\n  - /run: default\n',
    'experiment/again.yaml': '# @package _global_\ndefaults:\n  - /model: reference\n',
    'experiment/lost.yaml': '# @package _global_\ndefaults:\n  - override /modle: reference\n',
  };
  await withConfigDir(files, (configDir) => {
    const at = (path: string): string => join(configDir, `${path}.yaml`);
    const cases: [string, string][] = [
      ['model=twice', `${at('model/twice')}:2:1: Map keys must be unique`],
      ['model=list', `${at('model/list')}: expected a mapping at the top`],
      ['model=header', `${at('model/header')}: expected "# @package NAME" but received "# @package a b"`],
      ['model=defaults', `${at('model/defaults')}: defaults must be a list`],
      ['experiment=order', `${at('experiment/order')}: overrides must be at the end of the defaults list, after run`],
      [
        'experiment=lost',
        `${at('experiment/lost')}: override modle: modle is not in the defaults list (did you mean model?)`,
      ],
    ];
    for (const [text, message] of cases)
      assert.ok(
        mistakes([raw, text], { configDir }).includes(message),
        `${mistakes([raw, text], { configDir })} ≠ ${message}`,
      );
    assert.match(mistakes([raw, 'experiment=again'], { configDir }), 'model is in the defaults list twice');
  });
});

test('any text survives quoting as a value', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a \'"\\${},=é[:\n'), maxLength: 12 }), (text) => {
      const value = parseOverride(`key=${quoteValue(text)}`).value as Node;
      assert.is(interpolate(value).node, text);
    }),
    { numRuns: 3000 },
  );
});

test('any text is parsed or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), (text) => {
      for (const source of [text, `a=${text}`]) {
        try {
          parseOverride(source);
        } catch (error) {
          assert.instance(error, ConfigError);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

test('the registry turns a target into the options of the trainer', () => {
  const { config } = composeConfig([raw, 'optimizer=adam']);
  assert.equal(optimizerOptions(config.optimizer), {
    kind: 'adam',
    beta1: 0.9,
    beta2: 0.999,
    eps: 1e-8,
    weightDecay: 1e-4,
  });
});

test.run();
