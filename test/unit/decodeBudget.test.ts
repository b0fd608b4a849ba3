/** A recording that somebody else sent may not cost more than was said, in time and in bytes for each byte of it. */
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FfmpegDecoder } from '../../bindings/audio.ts';
import { AudioError } from '../../bindings/errors.ts';
import { DecodeBudget } from '../../src/audio/DecodeBudget.ts';
import { findFfmpeg } from '../../src/audio/ffmpegCliRoute.ts';
import { Classifier } from '../../src/prediction/Classifier.ts';
import { silentFlac } from '../helpers/silentFlac.ts';
import { chirpWav, writeTinyModel } from '../helpers/tinyModel.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const test = suite('decodeBudget');
const needsFfmpeg = FfmpegDecoder.available || findFfmpeg() !== null ? test : test.skip;

function refusal(work: () => void): AudioError {
  try {
    work();
  } catch (error) {
    assert.instance(error, AudioError);
    return error as AudioError;
  }
  throw new Error('was not refused');
}

test('much sound from few bytes is refused once it is much', () => {
  const budget = new DecodeBudget({ maxDecodedRatio: 100 }, 1000);
  const harmless = 2 ** 24;
  budget.checkRatio(harmless, 1);
  const error = refusal(() => budget.checkRatio(harmless + 1, 1));
  assert.is(error.code, 'ratio_too_large');
  assert.match(error.message, /1000 bytes has given 67108868 bytes of sound, more than 100 times/);
  assert.is(refusal(() => budget.checkRatio(harmless / 2 + 1, 2)).code, 'ratio_too_large', 'every channel counts');
  new DecodeBudget({ maxDecodedRatio: 100 }, 10_000_000).checkRatio(harmless + 1, 1);
  new DecodeBudget({}, 1).checkRatio(1e12, 32);
});

test('only the time of the work counts', async () => {
  let nowMs = 0;
  const budget = new DecodeBudget({ maxDecodeS: 3600 }, 1, () => nowMs);
  const work = (seconds: number) =>
    budget.spend(async () => {
      nowMs += 1000 * seconds;
    });
  await work(2000);
  nowMs += 1e9;
  await work(1600);
  assert.not(budget.signal.aborted);
  await work(1);
  assert.is(budget.signal.reason.code, 'decode_budget_exceeded');
  assert.match(budget.signal.reason.message, 'longer than 3600 s');
});

test('work that goes on is told in the middle that its time is used up', async () => {
  const budget = new DecodeBudget({ maxDecodeS: 0.05 }, 1);
  // It ends by no other way.
  await budget.spend(() => once(budget.signal, 'abort'));
  assert.is(budget.signal.reason.code, 'decode_budget_exceeded');
});

test('a prediction ends with the reason when its time is used up', () =>
  withTempDir(async (dir) => {
    const model = await writeTinyModel(`${dir}/tiny.safetensors`);
    using hasty = await Classifier.open(model, { limits: { maxDecodeS: 1e-6 } });
    try {
      await hasty.predictFile(chirpWav(40));
      assert.unreachable();
    } catch (error) {
      assert.is((error as AudioError).code, 'decode_budget_exceeded');
    }
    using lenient = await Classifier.open(model, { limits: { maxDecodeS: 60, maxDecodedRatio: 5000 } });
    assert.is((await lenient.predictFile(chirpWav(2))).clips.length, 4);
  }));

needsFfmpeg('a decompression bomb is given up on the way', () =>
  withTempDir(async (dir) => {
    const model = await writeTinyModel(`${dir}/tiny.safetensors`);
    using classifier = await Classifier.open(model, { limits: { maxDecodedRatio: 5000, maxDurationS: 86_400 } });
    const bomb = silentFlac(3600, { channels: 2 });
    assert.ok(bomb.byteLength < 60_000);
    try {
      await classifier.predictFile(bomb);
      assert.unreachable();
    } catch (error) {
      assert.is((error as AudioError).code, 'ratio_too_large');
    }
    assert.ok((await classifier.predictFile(silentFlac(20))).durationS >= 20, 'a short silence is no bomb');
  }),
);

test.run();
