import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Classifier, composeConfig, openRun, prepare, synthesize, train } from '../../src/index.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

test('evaluation, the library and the command line give one recording one score', () =>
  withTempDir(async (dir) => {
    const { rawDir, metadata } = await synthesize(join(dir, 'sounds'), { recordingsPerSpecies: 3 });
    const { config } = composeConfig([
      'experiment=smoke',
      `data.raw_dir='${rawDir}'`,
      `data.metadata=['${metadata}']`,
      `data.root='${join(dir, 'data')}'`,
      `run.root='${join(dir, 'runs')}'`,
    ]);
    await prepare({ config });
    const run = await train({ config });
    const report = await run.report();
    assert.ok(report !== null && report.predictions.length >= 3);
    const judged = report?.predictions ?? [];
    const paths = judged.map(({ recording }) => join(rawDir, recording));

    const { code, stdout } = await runCommand(['predict', ...paths, '-c', run.dir, '--json', `run.root=${dir}`]);
    assert.is(code, 0);
    const printed = JSON.parse(stdout);
    using classifier = await Classifier.open(run.dir, { batchSize: 3, threads: 1 });
    for (const [i, { recording, predicted, top }] of judged.entries()) {
      const { labels, scores, topLabel } = await classifier.predictFile(paths[i] as string);
      assert.is(topLabel, predicted, recording);
      assert.is(printed[i].top_label, predicted, recording);
      for (const { label, score } of top) {
        assert.ok(Math.abs((scores[labels.indexOf(label)] ?? 9) - score) <= 1e-5, `${recording}: ${label}`);
        assert.ok(Math.abs(printed[i].scores[label] - score) <= 1e-5, `${recording}: ${label}`);
      }
    }
    assert.is((await openRun(run.dir)).state.finished, true);
  }));

test.run();
