import { mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AutobirdError } from '../../bindings/errors.ts';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { toPlain } from '../../src/config/node.ts';
import { configSchema } from '../../src/config/schema.ts';
import { shareableConfig } from '../../src/config/shareableConfig.ts';
import { parseYaml } from '../../src/config/yaml.ts';
import { Dataset } from '../../src/data/dataset.ts';
import type { DriftRow } from '../../src/drift/DriftRows.ts';
import { checkpointReference, type DriftReference, predictionRow } from '../../src/drift/modelRows.ts';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { Classifier } from '../../src/prediction/Classifier.ts';
import { listRuns } from '../../src/run/listRuns.ts';
import type { Run } from '../../src/run/Run.ts';
import { encode } from '../../src/schema/case.ts';
import { train } from '../../src/training/train.ts';
import { assertClose } from '../helpers/assertClose.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('a run learns tones it never heard, and its folder says everything about it', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir);
    await prepareTones(dir, config);
    const notes: string[] = [];
    const stages = new Set<string>();
    const run = await train({
      config,
      onNote: (line) => notes.push(line),
      onProgress: ({ stage }) => stages.add(stage),
    });

    const report = await run.report();
    assert.ok(report);
    assert.is(report.recordings.items, 6);
    assert.ok(report.recordings.accuracy >= 5 / 6, `accuracy ${report.recordings.accuracy}`);
    assert.ok(report.clips.accuracy > 0.7, `clips ${report.clips.accuracy}`);
    assert.equal(report.labels, ['high', 'low', 'middle']);

    const files = await readdir(run.dir);
    for (const name of [
      '.hydra',
      'checkpoints',
      'confusion.csv',
      'metrics.jsonl',
      'model_card.md',
      'report.html',
      'report.json',
      'train.log',
    ]) {
      assert.ok(files.includes(name), `${name} is missing`);
    }
    assert.not(files.includes('run.lock'));
    assert.equal(
      (await run.metrics()).map(({ epoch }) => epoch),
      [1, 2, 3, 4, 5, 6],
    );
    assert.ok(
      [...stages].every((stage) => ['statistics', 'train', 'reference', 'evaluate'].includes(stage)),
      [...stages].join(),
    );
    assert.ok(notes.some((line) => line.startsWith('No leak')));
    assert.ok(notes.some((line) => /^Trains on (cpu|cuda) in f32 with 1 threads/.test(line)));
    const log = await run.logText();
    for (const note of notes) assert.match(log, note);

    const saved = await readFile(join(run.dir, '.hydra', 'config.yaml'), 'utf8');
    assert.match(saved, '  eps: 1.0e-08\n');
    const resolved = encode(configSchema, config) as Record<string, object>;
    assert.equal(toPlain(parseYaml(saved, 'config.yaml')), shareableConfig(resolved));
    assert.match(saved, /^ {2}raw_dir: ['"]?\?\?\?/m);

    const [best, last] = [await readCheckpoint(run.bestCheckpoint), await readCheckpoint(run.lastCheckpoint)];
    assert.ok(last.metadata.progress.finished);
    assert.is(best.metadata.progress.epoch, best.metadata.progress.bestEpoch);
    assert.is(best.metadata.dataset.trainedOn?.length, 36, 'so that evaluation can leave them out');
    assert.is(best.metadata.dataset.selectedOn?.length, 12, 'the validation recordings too');
    assert.is(best.metadata.dataset.splitHash, (await run.state()).splitHash);
    assert.ok(best.tensors.every(({ name }) => name.startsWith('model.')));
    assert.ok(last.tensors.some(({ name }) => name.startsWith('optimizer.')));
    assert.is(last.reference, null);
    const { heldOut: held, rows } = checkpointReference(best) as DriftReference;
    assert.equal([rows.length, held.length], [18, 6]);
    const dataset = await Dataset.open(join(config.data.root, config.data.name));
    const trained = dataset.onSide(await dataset.makeSplit(config.split), 'train');
    using classifier = await Classifier.open(run.dir);
    for (const [i, { path, label }] of trained.entries()) {
      const heard = await classifier.predictFile(join(dir, 'raw', path), { embedding: true, driftFeatures: true });
      const { recording: _, at: __, ...row } = predictionRow(heard, label);
      const { recording: ___, at: ____, ...kept } = [...rows][i] as DriftRow;
      // Shards hold 16 bits a sample.
      assertClose(kept, row, 1e-4);
    }
    assert.match(
      await readFile(join(run.dir, 'model_card.md'), 'utf8'),
      'Licences of the training recordings: not stated (18)',
    );
    assert.match(await readFile(join(run.dir, 'report.html'), 'utf8'), '<svg');
  }));

test('a recording without a prediction, and one of a class that was not learned, are wrong', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2');
    const dataset = await prepareTones(dir, config);
    const run = await train({ config });
    const whole = (await run.report()) as NonNullable<Awaited<ReturnType<Run['report']>>>;
    const damaged = whole.predictions[0] as (typeof whole.predictions)[number];
    await writeFile(join(dir, 'raw', damaged.recording), 'not a sound');
    const report = await evaluate({ checkpoint: run.dir, dataset, split: whole.split });
    assert.is(report.recordings.items, whole.recordings.items);
    assert.is(report.recordings.withoutPrediction, 1);
    const errors = report.predictions.filter(({ error }) => error !== null);
    assert.equal(
      errors.map(({ recording, correct, predicted }) => [recording, correct, predicted]),
      [[damaged.recording, false, null]],
    );

    // The same recordings under a name that the model never learned.
    const renamed = new Dataset(
      dataset.dir,
      dataset.manifest,
      dataset.recordings.map((recording) => (recording.label === 'low' ? { ...recording, label: 'owl' } : recording)),
    );
    const strange = await evaluate({
      checkpoint: run.bestCheckpoint,
      dataset: renamed,
      split: await dataset.split(whole.split),
    });
    assert.equal(strange.unknownLabels, ['owl']);
    assert.is(strange.recordings.perClass.find(({ label }) => label === 'owl')?.recall, 0);
    assert.ok(strange.predictions.filter(({ label }) => label === 'owl').every(({ correct }) => !correct));
  }));

test('evaluation and the classifier give the same scores', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2');
    await prepareTones(dir, config);
    const run = await train({ config });
    using classifier = await Classifier.open(run.dir);
    for (const { recording, predicted, top } of (await run.report())?.predictions ?? []) {
      const prediction = await classifier.predictFile(join(dir, 'raw', recording));
      assert.is(prediction.topLabel, predicted);
      for (const { label, score } of top) {
        const own = prediction.scores[prediction.labels.indexOf(label)] as number;
        assert.ok(Math.abs(own - score) < 1e-5, `${recording} ${label}: ${own}, ${score}`);
      }
    }
  }));

test('classes with too few clips are left out by name, and two must be left', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1', 'split.test_ratio=0.0');
    await prepareTones(dir, config);
    for (const name of (await readdir(join(dir, 'raw', 'low'))).slice(3)) await rm(join(dir, 'raw', 'low', name));
    const { prepareDataset } = await import('../../src/data/prepare.ts');
    await prepareDataset(config);
    const notes: string[] = [];
    const pruning = tinyConfig(dir, 'training.epochs=1', 'split.test_ratio=0.0', 'clips.min_clips_per_class=20');
    const run = await train({ config: pruning, onNote: (line) => notes.push(line) });
    assert.ok(
      notes.some((line) => /^Not learned: low \(\d+ training clips, clips.min_clips_per_class is 20\)$/.test(line)),
      notes.join('\n'),
    );
    assert.ok(notes.includes('No test recordings in the split: there will be no report'));
    assert.is(await run.report(), null);
    const { metadata } = await readCheckpoint(run.bestCheckpoint);
    assert.equal(metadata.labels, ['high', 'middle']);
    assert.is(metadata.dataset.leftOut[0]?.label, 'low');
    try {
      await train({ config: tinyConfig(dir, 'split.test_ratio=0.0', 'clips.min_rms=0.9') });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'Expected at least two classes to learn but 0 are left');
      assert.match((error as Error).message, 'low: no training clip passes the filters');
    }
  }));

test('training stops when nothing got better for as long as was asked', () =>
  withTempDir(async (dir) => {
    // With a rate this small nothing changes, so the first epoch stays the best.
    const config = tinyConfig(
      dir,
      'training.epochs=20',
      'training.patience=2',
      'optimizer.lr=1e-12',
      'training.metric=val_accuracy',
      'training.ema_decay=0.0',
    );
    await prepareTones(dir, config);
    const notes: string[] = [];
    const run = await train({ config, onNote: (line) => notes.push(line) });
    const epochs = (await run.metrics()).length;
    assert.ok(epochs < 20, `${epochs} epochs`);
    assert.ok(notes.some((line) => line.startsWith('Stopped early: no better epoch since epoch')));
  }));

test('a dataset of another rate and a precision that the machine lacks are refused with what to do, before there is a run', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir);
    await prepareTones(dir, config, 5);
    const cases = [
      ['features.sample_rate_hz=22050', 'Expected features.sample_rate_hz=16000, the rate of the dataset'],
      ['training.precision=fp16', 'precision=fp16 needs a GPU: use bf16 or f32 on the CPU'],
    ] as const;
    for (const [text, message] of cases) {
      const error = await train({ config: tinyConfig(dir, 'training.device=cpu', text) }).catch((reason) => reason);
      assert.match(String(error), message);
    }
    assert.equal(await listRuns(config.run.root), []);
  }));

test('other labels for no event than the dataset has are refused where they are asked for, else named', () =>
  withTempDir(async (dir) => {
    await prepareTones(dir, tinyConfig(dir, 'data.no_event_labels=[low]'), 5);
    const overrides = ['data.no_event_labels=[high]', 'training.epochs=1'];
    try {
      await train({ config: tinyConfig(dir, ...overrides), overrides });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'Expected data.no_event_labels=[low], those of the dataset');
      assert.match((error as Error).message, 'but received [high]: prepare it again with these');
    }
    assert.equal(await listRuns(join(dir, 'runs')), []);
    const notes: string[] = [];
    await train({ config: tinyConfig(dir, 'training.epochs=1'), onNote: (line) => notes.push(line) });
    assert.ok(notes.includes('No event: [low], as prepared (data.no_event_labels is read by prepare)'));
  }));

test('a side without recordings is named when training begins', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1', 'split.val_ratio=0.01', 'split.test_ratio=0.01');
    await prepareTones(dir, config, 5);
    const notes: string[] = [];
    await train({ config, onNote: (line) => notes.push(line) });
    assert.ok(
      notes.some((line) => line.includes('15 to train, 0 to validate, 0 to test')),
      notes.join('\n'),
    );
    assert.ok(
      notes.some((line) => line.startsWith('No recordings for val')),
      notes.join('\n'),
    );
  }));

test('what is aborted while it validates stops there', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=2');
    await prepareTones(dir, config, 5);
    const controller = new AbortController();
    const reason = new Error('enough');
    try {
      await train({
        config,
        signal: controller.signal,
        // The last step of the first epoch: what follows is the validation.
        onProgress: ({ stage, done }) => stage === 'train' && done === 12 && controller.abort(reason),
      });
      assert.unreachable();
    } catch (error) {
      assert.is(error, reason);
    }
    const [listed] = await listRuns(config.run.root);
    assert.equal(await listed?.run.metrics(), []);
  }));

test('a dataset that was copied without its recordings trains, is evaluated, and says so before the first step', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1');
    await prepareTones(dir, config, 5);
    await rename(join(dir, 'raw'), join(dir, 'elsewhere'));
    const notes: string[] = [];
    const run = await train({ config, onNote: (line) => notes.push(line) });
    const said = notes.findIndex((line) =>
      line.startsWith('Evaluation will read the 3 test recordings from the dataset'),
    );
    assert.ok(said >= 0 && said < notes.findIndex((line) => line.startsWith('Trains on')), notes.join('\n'));
    const report = await run.report();
    const { items, withoutPrediction } = report?.recordings ?? {};
    assert.equal([report?.audio, items, withoutPrediction], [{ originals: 0, shards: 3 }, 3, 0]);
    assert.is((await readCheckpoint(run.bestCheckpoint)).reference?.length, 12);

    await mkdir(join(dir, 'raw'));
    const again = { ...config, run: { ...config.run, resume: 'never' } };
    const error = await train({ config: again }).then(
      () => null,
      (thrown: AutobirdError) => thrown,
    );
    assert.is(error?.code, 'empty_raw_dir');
    assert.match(String(error?.message), 'is empty: mount the drive');
    const evaluation = { ...config.evaluation, audio: 'shards' } as const;
    assert.equal((await (await train({ config: { ...again, evaluation } })).report())?.audio, report?.audio);
  }));

test('a report that cannot be made costs the report, not the run', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'training.epochs=1');
    const dataset = await prepareTones(dir, config, 5);
    const notes: string[] = [];
    const onNote = (line: string) => {
      notes.push(line);
      // A folder where a file of the report belongs.
      const runDir = /^Writes to (.*)/.exec(line)?.[1];
      if (runDir !== undefined) mkdirSync(join(runDir, 'report.html', 'in the way'), { recursive: true });
    };
    const run = await train({ config, onNote });
    assert.ok(
      notes.some((line) => /^There is no report: .*autobird evaluate .* makes it$/.test(line)),
      notes.join('\n'),
    );
    assert.equal([(await run.state()).finished, await run.report()], [true, null]);
    await rm(join(run.dir, 'report.html'), { recursive: true });
    await evaluate({ checkpoint: run.dir, dataset, split: await dataset.makeSplit(config.split), outputDir: run.dir });
    assert.ok(await run.report());
  }));

test.run();
