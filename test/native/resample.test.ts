import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Resampler } from '../../bindings/audio.ts';
import { DisposedError, InvalidArgumentError } from '../../bindings/errors.ts';
import { resampled } from '../../src/audio/resample.ts';
import { chirpInNoise, gathered, goldens, largestDifference } from '../helpers/signal.ts';

function* pieces(signal: Float32Array, size: number): Generator<Float32Array> {
  for (let i = 0; i < signal.length; i += size) yield signal.subarray(i, i + size);
}

test("resampling agrees with torchaudio's defaults within 1e-6", async () => {
  const cases = [...goldens('resample'), ...goldens('resample-exact')];
  assert.ok(cases.length >= 18);
  for (const { sourceHz, targetHz, samples, seed, values } of cases) {
    const out = await gathered(resampled([chirpInNoise(sourceHz, samples, seed)], sourceHz, targetHz));
    assert.is(out.length, Math.ceil((targetHz * samples) / sourceHz));
    const error = largestDifference(out, values);
    assert.ok(error < 1e-6, `${sourceHz} to ${targetHz} Hz: ${error}`);
  }
});

test('the output does not depend on the size of the blocks, bit for bit', async () => {
  for (const [source, target] of [
    [44100, 16000],
    [16000, 22050],
    [191999, 16000],
  ] as const) {
    const signal = chirpInNoise(source, 5000, 1);
    const whole = await gathered(resampled([signal], source, target));
    for (const size of [1, 7, 160, 4999]) {
      const streamed = await gathered(resampled(pieces(signal, size), source, target));
      assert.equal(streamed, whole, `${source} to ${target} Hz in blocks of ${size}`);
    }
  }
});

test('a resampler starts again after flush, and equal rates pass through', async () => {
  using resampler = new Resampler(48000, 16000);
  const signal = chirpInNoise(48000, 3000, 2);
  const once = await gathered([await resampler.push(signal), await resampler.flush()]);
  assert.equal(await gathered([await resampler.push(signal), await resampler.flush()]), once);
  assert.equal(await gathered(resampled([signal], 48000, 48000)), signal);
  assert.is((await gathered(resampled([], 48000, 16000))).length, 0);
});

test('rates that make no sense are refused, and a disposed resampler says so', async () => {
  const refused = (source: number, target: number, message: RegExp) =>
    assert.throws(
      () => new Resampler(source, target),
      (error: unknown) => error instanceof InvalidArgumentError && message.test(error.message),
    );
  refused(0, 16000, /from 1 to 100000000 for sourceHz but received 0/);
  refused(44100.5, 16000, /an integer for sourceHz but received 44100.5 of type number/);
  refused(90_000_000, 16000, /the ratio may be at most 2048/);
  const resampler = new Resampler(2, 1);
  resampler.dispose();
  try {
    await resampler.push(new Float32Array(1));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, DisposedError);
  }
});

test.run();
