import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareDataset } from '../../src/data/prepare.ts';
import { encodeWav16 } from '../../src/data/synthetic/wav.ts';
import { dataConfig, splitConfig } from '../helpers/dataConfig.ts';
import { runCommand } from '../helpers/runCommand.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const features = { sampleRateHz: 8000 };

/** One short tone for each class and number. */
async function putTones(raw: string, classes: number, each: number): Promise<void> {
  for (let c = 0; c < classes; c++) {
    const folder = join(raw, `class${String(c).padStart(2, '0')}`);
    await mkdir(folder, { recursive: true });
    for (let i = 0; i < each; i++) {
      const hz = 200 + 10 * c + 300 * i;
      const samples = Float64Array.from({ length: 1600 }, (_, t) => 0.4 * Math.sin((2 * Math.PI * hz * t) / 8000));
      await writeFile(join(folder, `${i}.wav`), encodeWav16(samples, 8000));
    }
  }
}

test('the data report draws the split that was made last, or the one that is named', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'), 2, 5);
    const options = { data: dataConfig(join(dir, 'raw'), dir), features };
    const dataset = await prepareDataset({ ...options, split: { ...splitConfig, seed: 5 } });
    const report = async (...words: string[]) => {
      const { code, stdout, stderr } = await runCommand(['data', 'report', dataset.dir, ...words]);
      assert.is(code, 0, stderr);
      return readFile(stdout.trim(), 'utf8');
    };
    assert.match(await report(), 'split recording-val20-test20-seed5');
    assert.equal(await dataset.splitNames(), ['recording-val20-test20-seed5'], 'no other split is made');
    await dataset.makeSplit({ ...splitConfig, seed: 6 });
    assert.match(await report(), 'split recording-val20-test20-seed6');
    assert.match(await report('--split', 'recording-val20-test20-seed5'), 'split recording-val20-test20-seed5');

    // Splits of the dataset as it was do not count.
    await putTones(join(dir, 'raw'), 2, 6);
    await prepareDataset({ ...options, split: { ...splitConfig, seed: 5 } });
    await writeFile(
      join(dataset.dir, 'splits', 'recording-val20-test20-seed6.json'),
      await readFile(join(dataset.dir, 'splits', 'recording-val20-test20-seed6.json')),
    );
    assert.match(await report(), 'split recording-val20-test20-seed5');
  }));

test('the data report names the classes that it has no room to picture', () =>
  withTempDir(async (dir) => {
    await putTones(join(dir, 'raw'), 62, 1);
    const { dir: folder } = await prepareDataset({
      data: dataConfig(join(dir, 'raw'), dir),
      split: { ...splitConfig, valRatio: 0, testRatio: 0 },
      features,
    });
    const text = await readFile(join(folder, 'report.html'), 'utf8');
    assert.match(text, 'Not pictured: 2 of 62 classes, class60, class61.');
  }));

test.run();
