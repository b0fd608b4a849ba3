/** Where decoders run: recordings in memory share threads, files have their own; what was read ahead is what follows. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AutobirdError, DisposedError, WavDecoder } from '../../bindings/index.ts';
import { chirpWav } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const limits = { maxChannels: 1, maxSampleRateHz: 96_000, maxDurationS: 3600 };
const bytes = chirpWav(2, { rateHz: 22_050 });

async function everything(decoder: WavDecoder, targetHz: number): Promise<number[]> {
  const samples: number[] = [];
  for (;;) {
    const next = await decoder.readAt(targetHz, 5000);
    if (next === null) return samples;
    samples.push(...next);
  }
}

test('what is read while opening and what follows is the recording', async () => {
  using plain = await WavDecoder.open(bytes, { limits });
  const expected = await everything(plain, 16_000);
  assert.is(plain.ahead, null);
  for (const samples of [1, 7000, 32_000, 100_000]) {
    using decoder = await WavDecoder.open(bytes, { limits, ahead: { targetHz: 16_000, samples } });
    const ahead = decoder.ahead?.toArray() ?? new Float32Array();
    assert.is(decoder.ahead?.length, ahead.length);
    assert.ok(ahead.length >= Math.min(samples, expected.length));
    if (decoder.progress.ended) assert.is(ahead.length, expected.length);
    assert.equal([...ahead, ...(await everything(decoder, 16_000))], expected);
    // What was read to its end while it was opened has let go of its bytes.
    assert.is(await decoder.read(), null);
    assert.ok(decoder.progress.ended);
    assert.is(decoder.progress.decodedSamples, 44_100);
  }
});

test('samples go with their decoder, and a wrong stretch is refused', async () => {
  const decoder = await WavDecoder.open(bytes, { limits, ahead: { targetHz: 16_000, samples: 1 } });
  const { ahead } = decoder;
  decoder.dispose();
  assert.throws(
    () => ahead?.toArray(),
    (error: Error) => error instanceof DisposedError,
  );
  for (const wrong of [0, 2 ** 27, 1.5]) {
    const error = await WavDecoder.open(bytes, { limits, ahead: { targetHz: 16_000, samples: wrong } }).catch(
      (reason) => reason,
    );
    assert.match(error.message, /^Expected an integer.* for ahead\.samples but received/);
  }
});

test('recordings whose opening is stopped do not keep the thread from others', async () => {
  const long = chirpWav(60, { rateHz: 22_050 });
  const ahead = { targetHz: 16_000, samples: 60 * 16_000 };
  const begin = performance.now();
  (await WavDecoder.open(long, { limits, ahead })).dispose();
  const onceMs = performance.now() - begin;
  const stops = Array.from({ length: 80 }, () => new AbortController());
  const opened = Promise.allSettled(stops.map(({ signal }) => WavDecoder.open(long, { limits, ahead, signal })));
  for (const stop of stops) stop.abort(new Error('enough'));
  const stoppedAt = performance.now();
  (await WavDecoder.open(bytes, { limits })).dispose();
  const waitedMs = performance.now() - stoppedAt;
  for (const each of await opened) assert.match((each as PromiseRejectedResult).reason.message, 'enough');
  assert.ok(waitedMs < (10 * onceMs) / availableParallelism() + 100, `${waitedMs} ms, one takes ${onceMs}`);
});

test('a decoder that is disposed leaves the others on its thread alone', async () => {
  const decoders = await Promise.all(Array.from({ length: 12 }, () => WavDecoder.open(bytes, { limits })));
  const reads = decoders.map((decoder) => decoder.readAt(16_000, 100_000));
  for (const [i, decoder] of decoders.entries()) if (i % 2 === 0) decoder.dispose();
  for (const [i, outcome] of (await Promise.allSettled(reads)).entries()) {
    if (i % 2 === 1) assert.is(outcome.status === 'fulfilled' && outcome.value?.length, 32_000);
    else if (outcome.status === 'rejected') assert.is((outcome.reason as AutobirdError).code, 'aborted');
  }
  for (const [i, decoder] of decoders.entries()) if (i % 2 === 1) decoder.dispose();
});

const tasks = '/proc/self/task';
if (!existsSync(tasks)) console.log('# skip: this system does not list its threads');
else {
  test('recordings in memory share a thread a core, a file has its own until it is closed', () =>
    withTempDir(async (dir) => {
      const threads = () => readdirSync(tasks).length;
      const first = await Promise.all(Array.from({ length: 20 }, () => WavDecoder.open(bytes, { limits })));
      const before = threads();
      const more = await Promise.all(Array.from({ length: 40 }, () => WavDecoder.open(bytes, { limits })));
      assert.ok(threads() <= before + availableParallelism(), `${before} and ${threads()} threads`);
      const path = join(dir, 'a.wav');
      await writeFile(path, bytes);
      const file = await WavDecoder.open(path, { limits });
      assert.ok(threads() > before);
      for (const decoder of [...first, ...more, file]) decoder.dispose();
      for (let i = 0; i < 200 && threads() > before; i++) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(threads() <= before, `${before} and ${threads()} threads`);
    }));
}

if (existsSync(tasks)) {
  test('2,000 files that cannot be opened leave no thread behind', () =>
    withTempDir(async (dir) => {
      const path = join(dir, 'no.wav');
      await writeFile(path, 'no recording at all');
      const before = readdirSync(tasks).length;
      for (let i = 0; i < 100; i++) {
        const opened = await Promise.allSettled(Array.from({ length: 20 }, () => WavDecoder.open(path, { limits })));
        assert.ok(opened.every(({ status }) => status === 'rejected'));
      }
      const after = readdirSync(tasks).length;
      assert.ok(after <= before + 2, `${before} threads before, ${after} after`);
    }));
}

test('a recording is read at one rate: another one is refused', async () => {
  using decoder = await WavDecoder.open(bytes, { limits });
  const first = await decoder.readAt(16_000, 5000);
  const refusal = await decoder.readAt(8000, 5000).catch((reason) => reason);
  assert.match(refusal.message, /^The recording is already read at 16000 Hz: open it again to read it at 8000 Hz/);
  assert.is((first?.length ?? 0) + (await everything(decoder, 16_000)).length, 32_000);
});

test('a process may end while a recording in memory is decoded', () => {
  const script = `
    import { WavDecoder } from ${JSON.stringify(new URL('../../bindings/index.ts', import.meta.url).href)};
    import { chirpWav } from ${JSON.stringify(new URL('../helpers/tinyModel.ts', import.meta.url).href)};
    const decoder = await WavDecoder.open(chirpWav(600), { limits: ${JSON.stringify(limits)} });
    decoder.readAt(15_999, 2 ** 26);
    process.exit(7);`;
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );
  assert.equal([status, signal], [7, null], stderr);
});

test.run();
