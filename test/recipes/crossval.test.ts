import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint } from '../../src/checkpoint/readCheckpoint.ts';
import { readJson } from '../../src/files.ts';
import { crossvalPage } from '../../src/reports/crossvalPage.ts';
import { crossvalSchema } from '../../src/reports/crossvalReport.ts';
import { Run } from '../../src/run/Run.ts';
import { decode } from '../../src/schema/case.ts';
import { crossval } from '../../src/study/crossval.ts';
import { prepareTones, tinyConfig } from '../helpers/tones.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('cross-validation judges every recording once and goes on where it was', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir, 'split.folds=3', 'training.epochs=3');
    const dataset = await prepareTones(dir, config, 6);
    const controller = new AbortController();
    const reason = new Error('later');
    const outputDir = join(dir, 'folds');
    try {
      await crossval({
        config,
        outputDir,
        jobs: 1,
        signal: controller.signal,
        onNote: (line) => {
          if (line.startsWith('fold 1: Epoch 2/')) controller.abort(reason);
        },
      });
      assert.unreachable();
    } catch (error) {
      assert.is(error, reason);
    }
    const notes: string[] = [];
    const result = await crossval({ config, outputDir, jobs: 1, onNote: (line) => notes.push(line) });
    // The first fold was done, the second goes on, the third begins.
    assert.is(notes.filter((line) => line.includes(': Resumes ')).length, 1);
    assert.is(notes.filter((line) => line.includes(': Writes to ')).length, 1);

    assert.is(result.folds.length, 3);
    assert.equal(
      result.predictions.map(({ recording }) => recording).toSorted(),
      dataset.recordings.map(({ path }) => path),
    );
    assert.is(result.pooled.items, 18);
    const right = result.predictions.filter(({ correct }) => correct).length;
    assert.is(result.pooled.accuracy, right / 18);
    const weighted = result.folds.reduce((sum, { accuracy, recordings }) => sum + accuracy * recordings, 0) / 18;
    assert.ok(Math.abs(weighted - result.pooled.accuracy) < 1e-9);
    const mean = result.folds.reduce((sum, { accuracy }) => sum + accuracy, 0) / 3;
    assert.ok(Math.abs(mean - result.accuracy.mean) < 1e-9);
    const path = join(outputDir, 'crossval.json');
    const written = decode(crossvalSchema, await readJson(path), path);
    const folds = written.folds.map((fold) => ({ ...fold, run: join(outputDir, fold.run) }));
    assert.equal({ ...written, folds }, result);
    const page = await readFile(join(outputDir, 'crossval.html'), 'utf8');
    assert.not.match(page, dir);
    assert.is(result.groupBy, 'recording');
    assert.equal(
      result.folds.map(({ steps }) => steps),
      [36, 36, 36],
    );
    assert.match(page, /class="notice warning"[^>]*>[^<]*Split by recording only/);
    const [fold] = result.folds;
    assert.is((await readCheckpoint(new Run(fold?.run ?? '').bestCheckpoint)).reference, null, 'nobody reads it there');
    assert.equal(
      result.folds.map(({ leftOut }) => leftOut),
      [0, 0, 0],
    );
    assert.match(crossvalPage(result), 'Every recording is predicted once, by');
    const copies = { ...result, folds: result.folds.map((fold) => ({ ...fold, leftOut: fold.fold })) };
    assert.match(crossvalPage(copies), '3 recordings are left out: the model of the fold was trained or selected on');
    // Folds that are done are done, with other jobs and so other threads too.
    assert.equal((await crossval({ config, outputDir, jobs: 2 })).folds, result.folds);
    const threads = { ...config, training: { ...config.training, threads: 2 } };
    assert.equal((await crossval({ config: threads, outputDir })).folds, result.folds);

    // All at once give what one after the other gave.
    await rm(outputDir, { recursive: true });
    const again = await crossval({ config, outputDir });
    assert.equal(again.predictions, result.predictions);
  }));

test('cross-validation without folds says how to ask for them', () =>
  withTempDir(async (dir) => {
    const config = tinyConfig(dir);
    await prepareTones(dir, config, 5);
    try {
      await crossval({ config });
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, 'say how many folds to make (split.folds=5)');
    }
  }));

test.run();
