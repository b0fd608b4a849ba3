import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LogMel } from '../../bindings/audio.ts';
import { DisposedError, InvalidArgumentError } from '../../bindings/errors.ts';
import type { FeatureOptions } from '../../bindings/native.ts';
import { chirpInNoise, goldens, largestDifference } from '../helpers/signal.ts';

const options: FeatureOptions = {
  sampleRateHz: 16000,
  nFft: 1024,
  hopSamples: 512,
  nMels: 64,
  fMinHz: 20,
  fMaxHz: 8000,
  logOffset: 1e-6,
  background: 'none',
};

test('log-mel, median background and PCEN agree with torchaudio and librosa within 1e-4', async () => {
  const cases = goldens('log-mel');
  assert.ok(cases.length >= 11);
  for (const { features, samples, seed, values } of cases) {
    using logMel = new LogMel(features);
    const { data, mels, frames } = await logMel.compute(chirpInNoise(features.sampleRateHz, samples, seed));
    assert.is(mels, features.nMels);
    assert.is(frames, 1 + Math.floor(samples / features.hopSamples));
    const error = largestDifference(data, values);
    assert.ok(error < 1e-4, `${features.sampleRateHz} Hz, ${samples} samples, ${features.background}: ${error}`);
  }
});

test('a frame does not depend on how many frames are computed with it', async () => {
  using logMel = new LogMel(options);
  const signal = chirpInNoise(16000, 40 * 512, 3);
  const whole = await logMel.compute(signal);
  const part = await logMel.compute(signal.subarray(0, 21 * 512));
  for (let band = 0; band < 64; band++) {
    for (let frame = 0; frame < 20; frame++) {
      assert.is(part.data[band * part.frames + frame], whole.data[band * whole.frames + frame]);
    }
  }
});

test('every instruction set gives the same log-mel', async () => {
  const { execFileSync } = await import('node:child_process');
  const script = `
    import { LogMel } from './bindings/audio.ts';
    import { chirpInNoise } from './test/helpers/signal.ts';
    const out = [];
    for (const background of ['none', 'median', 'pcen']) {
      const { data } = await new LogMel({ ...${JSON.stringify(options)}, background }).compute(chirpInNoise(16000, 20000, 5));
      out.push(...data);
    }
    process.stdout.write(JSON.stringify(out));`;
  const run = (isa: string) =>
    Float32Array.from(
      JSON.parse(
        execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
          env: { ...process.env, AUTOBIRD_SIMD: isa },
          encoding: 'utf8',
          maxBuffer: 1 << 26,
        }),
      ) as number[],
    );
  const portable = run('portable');
  assert.ok(portable.length > 0);
  for (const isa of ['avx2', 'avx512']) {
    const error = largestDifference(run(isa), portable);
    assert.ok(error < 1e-4, `${isa}: ${error}`);
  }
});

test('options out of range are refused by name', () => {
  const refused = (change: Partial<FeatureOptions>, message: RegExp) =>
    assert.throws(
      () => new LogMel({ ...options, ...change }),
      (error: unknown) => error instanceof InvalidArgumentError && message.test(error.message),
    );
  refused({ nFft: 1000 }, /a power of two from 16 to 65536 for nFft but received 1000/);
  refused({ fMaxHz: 9000 }, /at most half of sampleRateHz for fMaxHz but received 9000/);
  refused({ hopSamples: 0 }, /a positive integer for hopSamples but received 0/);
  refused({ nMels: 400 }, /lies between two frequency bins: use fewer nMels or a larger nFft/);
  refused({ logOffset: 0 }, /logOffset but received 0/);
  refused({ background: 'mean' as 'median' }, /none, median or pcen for background but received "mean"/);
  refused(
    { sampleRateHz: '16000' as unknown as number },
    /a number for sampleRateHz but received "16000" of type string/,
  );
});

test('a disposed LogMel says so', async () => {
  const logMel = new LogMel(options);
  logMel.dispose();
  logMel.dispose();
  let caught: unknown;
  try {
    await logMel.compute(new Float32Array(10));
  } catch (error) {
    caught = error;
  }
  assert.instance(caught, DisposedError);
  assert.is((caught as Error).message, 'LogMel was disposed: make a new one before using it again');
});

test.run();
