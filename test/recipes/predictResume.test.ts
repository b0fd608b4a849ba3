import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const count = 24;

/** Starts `autobird predict`, reads what it says to the end (`close`, not `exit`) and, after the journal has some lines, sends the signal. */
function predict(words: readonly string[], stop?: { signal: NodeJS.Signals; journal: string; lines: number }) {
  return new Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'predict', ...words]);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
    if (stop === undefined) return;
    const watch = setInterval(async () => {
      const text = await readFile(stop.journal, 'utf8').catch(() => '');
      if (text.split('\n').length <= stop.lines) return;
      clearInterval(watch);
      child.kill(stop.signal);
    }, 5);
    child.on('close', () => clearInterval(watch));
  });
}

test('stopped by Ctrl-C or killed at any moment, the same command goes on and ends with the same file', () =>
  withTempDir(async (dir) => {
    const sounds = join(dir, 'sounds');
    await mkdir(sounds);
    for (let i = 0; i < count; i++) await writeFile(join(sounds, `${i}.wav`), chirpWav(20, { seed: i + 1 }));
    const model = await writeTinyModel(join(dir, 'model.safetensors'));
    const words = (out: string) => [sounds, '-c', model, '-f', 'json', '--clips', '--min-score', '0', '-o', out];

    const undisturbed = join(dir, 'undisturbed.json');
    assert.is((await predict(words(undisturbed))).code, 0);
    const expected = JSON.parse(await readFile(undisturbed, 'utf8'));
    assert.is(expected.length, count);

    const out = join(dir, 'out.json');
    const journal = `${out}.journal.jsonl`;
    const killed = await predict(words(out), { signal: 'SIGKILL', journal, lines: 3 });
    assert.is(killed.signal, 'SIGKILL');
    const stopped = await predict(words(out), { signal: 'SIGINT', journal, lines: 10 });
    assert.is(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /\d+ of 24 recordings are done: the same command goes on\.\nStopped\.\n$/);
    assert.not(await readFile(out).catch(() => null), 'no half of an output');
    const resumed = await predict(words(out));
    assert.is(resumed.code, 0);
    const [, before] = /(\d+) of 24 recordings are done already/.exec(resumed.stderr) ?? [];
    assert.ok(Number(before) >= 9, resumed.stderr);
    assert.equal(JSON.parse(await readFile(out, 'utf8')), expected);
  }));

test.run();
