import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withTempDir } from './helpers/withTempDir.ts';

const folder = fileURLToPath(new URL('../examples/', import.meta.url));

function run(
  name: string,
  words: readonly string[],
  input?: Uint8Array,
): Promise<{ code: number | null; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', join(folder, `${name}.ts`), ...words]);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (more) => {
        text += more;
      });
    }
    child.stdin.end(input);
    child.on('close', (code) => resolve({ code, text }));
  });
}

test('there are the examples that are run here', async () => {
  assert.equal((await readdir(folder)).sort(), ['predict.ts', 'stream.ts', 'train.ts']);
});

test('the examples train on invented birds, predict a file and listen to a stream', () =>
  withTempDir(async (dir) => {
    const trained = await run('train', [dir, 'experiment=smoke']);
    assert.is(trained.code, 0, trained.text);
    assert.match(trained.text, /\d+ recordings of \d+ species/);
    const [, runDir] = /% of the test recordings right: (.*)\/report\.html/.exec(trained.text) ?? [];
    assert.type(runDir, 'string', trained.text);

    const species = join(dir, 'recordings', 'audio');
    const [first] = await readdir(species);
    const [name] = await readdir(join(species, first as string));
    const recording = join(species, first as string, name as string);
    const predicted = await run('predict', [runDir as string, recording, join(dir, 'gone.wav')]);
    assert.is(predicted.code, 0, predicted.text);
    assert.match(predicted.text, `${recording}: `);
    assert.match(predicted.text, `${join(dir, 'gone.wav')}: `);

    const wav = await readFile(recording);
    const streamed = await run('stream', [runDir as string, String(wav.readUInt32LE(24))], wav.subarray(44));
    assert.is(streamed.code, 0, streamed.text);
    assert.match(streamed.text, /^0\.0-1\.0 s {2}\w+ {2}0\.\d\d$/m);
  }));

test.run();
