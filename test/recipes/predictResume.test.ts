import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const count = 40;

/** The lines of the journal so far. */
async function linesOf(journal: string): Promise<number> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  return text.split('\n').length - 1;
}

/** Starts `autobird predict`, reads what it says to the end (`close`, not `exit`) and sends the signal when the journal has grown by some lines. */
async function predict(words: readonly string[], stop?: { signal: NodeJS.Signals; journal: string; lines: number }) {
  const before = stop === undefined ? 0 : await linesOf(stop.journal);
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'predict', ...words]);
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close');
  if (stop !== undefined) {
    while (child.exitCode === null && (await linesOf(stop.journal)) < before + stop.lines) await sleep(5);
    child.kill(stop.signal);
  }
  const [code, signal] = await ended;
  return { code, signal, stderr };
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
    const stopped = await predict(words(out), { signal: 'SIGINT', journal, lines: 7 });
    assert.is(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /\d+ of 40 recordings are done: the same command goes on\.\nStopped\.\n$/);
    assert.not(await readFile(out).catch(() => null), 'no half of an output');
    const resumed = await predict(words(out));
    assert.is(resumed.code, 0);
    const [, before] = /(\d+) of 40 recordings are done already/.exec(resumed.stderr) ?? [];
    assert.ok(Number(before) >= 9, resumed.stderr);
    assert.equal(JSON.parse(await readFile(out, 'utf8')), expected);
  }));

test.run();
