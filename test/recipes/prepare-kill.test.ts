import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareDataset } from '../../src/data/prepare.ts';
import { synthesize } from '../../src/data/synthesize.ts';
import { dataConfig, splitConfig } from '../helpers/dataConfig.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const kills = 8;

/** Runs prepare in a process of its own, and kills it after so many lines of progress; true when it was killed. */
async function prepareAndKill(script: string, afterLines: number): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    lines += chunk.toString().split('\n').length - 1;
    if (lines >= afterLines) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.on('close', (_, signal) => resolve(signal === 'SIGKILL')));
}

test('killed at any instant, the same command ends with the same files', () =>
  withTempDir(async (dir) => {
    const set = await synthesize(join(dir, 'synthetic'), { recordingsPerSpecies: 3 });
    const data = (root: string) => dataConfig(set.rawDir, join(dir, root), { metadata: [set.metadata], workers: 2 });
    const features = { sampleRateHz: 16000 };
    const undisturbed = await prepareDataset({ data: data('calm'), split: splitConfig, features });

    const script = join(dir, 'prepare.mts');
    const module = new URL('../../src/data/prepare.ts', import.meta.url).href;
    const options = JSON.stringify({ data: data('killed'), split: splitConfig, features });
    const print = "onProgress: ({ stage }) => process.stdout.write(stage + '\\n')";
    await writeFile(
      script,
      `import { prepareDataset } from '${module}';\nawait prepareDataset({ ...${options}, ${print} });\n`,
    );

    let killed = 0;
    for (let n = 0; n < kills; n++) {
      // 30 lines for hashing, 30 for decoding what is left, then splitting and the report.
      if (await prepareAndKill(script, 2 + n * 8)) killed++;
    }
    assert.ok(killed >= kills / 2, `only ${killed} of ${kills} runs were killed in time`);
    assert.not.ok(await prepareAndKill(script, Number.POSITIVE_INFINITY));

    for (const file of ['recordings.jsonl', 'splits/session-val20-test20-seed4.json']) {
      const [calm, after] = await Promise.all(
        ['calm', 'killed'].map((root) => readFile(join(dir, root, 'set', file), 'utf8')),
      );
      assert.is(after, calm, file);
    }
    const shards = join(dir, 'killed/set/shards');
    assert.is((await readdir(shards)).length, undisturbed.recordings.length, 'no leftovers');
    assert.is((await readdir(join(dirname(shards), 'splits'))).length, 1, 'no leftovers');
    for (const { shard } of undisturbed.recordings) {
      const [calm, after] = await Promise.all(
        ['calm', 'killed'].map((root) => readFile(join(dir, root, 'set', shard))),
      );
      assert.ok((after as Buffer).equals(calm as Buffer), shard);
    }
    assert.equal((await readdir(join(dir, 'killed/set'))).sort(), [
      'dataset.json',
      'recordings.jsonl',
      'report.html',
      'shards',
      'splits',
    ]);
  }));

test.run();
