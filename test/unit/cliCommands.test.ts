import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCommand } from '../helpers/runCommand.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('the commands lead from nothing to a judged model, each in words and in JSON', () =>
  withTempDir(async (dir) => {
    const places = [`data.root=${join(dir, 'data')}`, `run.root=${join(dir, 'runs')}`];
    const run = async (...words: string[]) => {
      const result = await runCommand(words);
      assert.is(result.code, 0, `${words.join(' ')}\n${result.stderr}`);
      return result;
    };
    const json = async (...words: string[]) => JSON.parse((await run(...words, '--json')).stdout);

    const sounds = join(dir, 'sounds');
    const made = await json('data', 'synthesize', sounds, '--recordings-per-species', '3');
    const raw = [made.raw_dir, '--metadata', made.metadata, '--name', 'syn', 'experiment=smoke', ...places];
    const prepared = await json('prepare', ...raw);
    assert.is(prepared.counts.recordings, made.recordings);
    assert.match((await run('prepare', ...raw)).stdout, /Recordings {2}\d+ of \d+ files.*\nColumn .*←/);

    const dataset = join(dir, 'data', 'syn');
    assert.is((await json('data', 'show', dataset)).classes.length, prepared.labels.length);
    assert.match((await run('data', 'show', dataset)).stdout, `Dataset     syn (${prepared.id})`);
    assert.match(await readFile((await run('data', 'report', dataset)).stdout.trim(), 'utf8'), '<html');

    const trained = await run(
      'train',
      '--dataset',
      'syn',
      'experiment=smoke',
      'evaluation.calibration_bins=4',
      ...places,
    );
    const [, runDir] = /^Run +(.+)$/m.exec(trained.stdout) ?? [];
    assert.match(trained.stdout, /Test +\d+\.\d % of \d+ recordings right/);
    const root = ['--root', join(dir, 'runs')];
    const [listed] = await json('runs', ...root);
    assert.is(listed.run, runDir);
    assert.is(listed.finished, true);
    assert.match((await run('runs', ...root)).stdout, /finished +2 +/);
    assert.match((await run('runs', 'show', runDir as string)).stdout, /EPOCH +TRAIN LOSS/);
    assert.is((await json('runs', 'show', runDir as string)).dataset, 'syn');

    const report = await json('evaluate', runDir as string, ...places);
    assert.is(report.recordings.accuracy, listed.test_accuracy, 'the same figures as after training');
    assert.match((await run('evaluate', ...places)).stdout, /balanced accuracy/);
    const alone = await json('evaluate', runDir as string, '--threads', '1', '--precision', 'f32', ...places);
    assert.equal(alone['recordings'], report['recordings']);
    const coarse = await json('evaluate', runDir as string, 'evaluation.calibration_bins=3', ...places);
    assert.is(coarse.calibration.after.bins.length, 3, 'an override counts');
    const fewer = await json('evaluate', runDir as string, 'evaluation.mistakes=1', ...places);
    assert.is(fewer.calibration.after.bins.length, 4, 'and leaves the others as the run has them');

    // Another split, side or checkpoint has a report of its own.
    const own = await readFile(join(runDir as string, 'report.json'), 'utf8');
    await run('prepare', ...raw, 'split.test_ratio=0.6');
    const splits: string[] = (await json('data', 'show', dataset)).splits;
    const split = splits.find((name) => name.includes('test60')) as string;
    const last = join(runDir as string, 'checkpoints', 'last.safetensors');
    for (const [words, name] of [
      [[runDir, '--split', split], `${split}-test`],
      [[runDir, '--side', 'val'], `${report.split}-val`],
      [[last], 'last'],
    ] as [string[], string][]) {
      const page = join(runDir as string, 'evaluations', name, 'report.html');
      assert.match((await run('evaluate', ...words, ...places)).stdout, `Report      ${page}\n`);
      assert.match(await readFile(page, 'utf8'), '<html');
    }
    assert.is(await readFile(join(runDir as string, 'report.json'), 'utf8'), own, 'that of the run is as it was');

    const heard = await run('predict', made.raw_dir, `run.root=${join(dir, 'runs')}`);
    assert.match(heard.stderr, `With the newest model, ${join(runDir as string, 'checkpoints', 'best.safetensors')}`);

    const state = join(runDir as string, 'run.json');
    await writeFile(state, (await readFile(state, 'utf8')).replace('"finished": true', '"finished": false'));
    const early = await run('predict', made.raw_dir, `run.root=${join(dir, 'runs')}`);
    assert.match(early.stderr, 'best.safetensors (unfinished, epoch 2)');
    // A damaged run is in nobody's way.
    await mkdir(join(dir, 'runs', 'damaged'));
    await writeFile(join(dir, 'runs', 'damaged', 'run.json'), '{');
    for (const words of [
      ['runs', ...root],
      ['predict', made.raw_dir, ...places],
      ['train', '--dataset', 'syn', 'experiment=smoke', ...places],
    ]) {
      assert.match(
        (await run(...words)).stderr,
        `Run left out: ${join(dir, 'runs', 'damaged', 'run.json')} is not JSON`,
      );
    }

    const folds = ['--dataset', 'syn', '--folds', '2', '--epochs', '1', 'experiment=smoke', ...places];
    const crossval = await json('crossval', ...folds);
    assert.is(crossval.pooled.items, made.recordings, 'every recording once');
    assert.match((await run('crossval', ...folds)).stdout, /FOLD +RECORDINGS[\s\S]*All folds/);
  }));

test.run();
