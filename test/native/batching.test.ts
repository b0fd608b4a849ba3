/** Clips of many calls in one batch: equal scores, fair turns, refusals, cancellation. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Engine, type EngineOutput, type NamedTensor, Trainer } from '../../bindings/index.ts';
import type { BatchingOptions } from '../../bindings/native.ts';
import { type AutobirdError, OverloadedError } from '../../src/index.ts';
import { formulaWeights } from '../helpers/modelFormula.ts';
import { rejects } from '../helpers/rejects.ts';
import { recordingOf } from '../helpers/shards.ts';
import { engineOptions, tinyFeatures, trainerOptions } from '../helpers/tinyNetwork.ts';

const rate = tinyFeatures.sampleRateHz;
const options = trainerOptions({});
const samples = recordingOf(1, 8, rate);

async function weights(): Promise<NamedTensor[]> {
  using trainer = await Trainer.create(options, null);
  return formulaWeights(await trainer.exportState(false));
}

async function batching(changes: Partial<BatchingOptions> = {}, workers = 2): Promise<Engine> {
  const given = { maxClips: 8, maxDelayMs: 1, maxQueuedClips: 1000, ...changes };
  return await Engine.create({ ...engineOptions(options), threads: workers, batching: given }, await weights());
}

function starts(count: number, from = 0): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => from + i * 311 - 500);
}

test('calls that share batches get the scores that they get alone', async () => {
  using alone = await Engine.create(engineOptions(options), await weights());
  using together = await batching();
  const calls = Array.from({ length: 40 }, (_, i) => ({
    starts: starts(1 + (i % 7), i * 100),
    length: i % 5 ? rate : rate / 2,
  }));
  const wanted = { driftFeatures: true };
  const outputs = await Promise.all(
    calls.map((call) => together.forwardPcm(samples, call.starts, call.length, true, wanted)),
  );
  for (const [i, call] of calls.entries()) {
    const expected = await alone.forwardPcm(samples, call.starts, call.length, true, wanted);
    const output = outputs[i] as EngineOutput;
    for (const key of ['logits', 'activity', 'driftFeatures', 'embeddings'] as const) {
      const [a, b] = [output[key] as Float32Array, expected[key] as Float32Array];
      assert.is(a.length, b.length, key);
      assert.ok(
        a.every((value, n) => Math.abs(value - (b[n] as number)) <= 1e-5),
        `${key} of call ${i}`,
      );
    }
  }
  const stats = together.stats();
  const clips = calls.reduce((sum, call) => sum + call.starts.length, 0);
  assert.is(stats?.clips, clips);
  assert.is(stats?.queuedClips, 0);
  assert.ok((stats?.batches ?? clips) < calls.length, 'calls shared batches');
  assert.ok((stats?.meanClipMs ?? 0) > 0);
});

test('how long clips waited is counted by the clip', async () => {
  using engine = await batching({}, 1);
  const begin = performance.now();
  const until = async (clips: number) => {
    await Promise.all(Array.from({ length: clips / 4 }, () => engine.forwardPcm(samples, starts(4), rate, false)));
    return performance.now() - begin;
  };
  await until(4);
  const first = engine.stats();
  const tookMs = await until(400);
  const { waits = new Float64Array(), waitedMs = 0 } = engine.stats() ?? {};
  assert.is(
    waits.reduce((sum, count) => sum + count, 0),
    404,
  );
  // In turn: a clip waits for about half of the others.
  const meanMs = (waitedMs - (first?.waitedMs ?? 0)) / 400;
  assert.ok(meanMs > tookMs / 10 && meanMs < tookMs, `${meanMs} of ${tookMs} ms`);
});

test('embeddings and drift features are given to those who asked', async () => {
  using engine = await batching();
  const [plain, embedded, measured] = await Promise.all([
    engine.forwardPcm(samples, starts(2), rate, false),
    engine.forwardPcm(samples, starts(2), rate, true),
    engine.forwardPcm(samples, starts(2), rate, false, { driftFeatures: true }),
  ]);
  assert.is(plain?.embeddings, null);
  assert.is(embedded?.embeddings?.length, 2 * options.model.dModel);
  assert.equal(
    [plain?.driftFeatures.length, embedded?.driftFeatures.length, measured?.driftFeatures.length],
    [0, 0, 8],
  );
});

test('a short call does not wait for a long one to end', async () => {
  using engine = await batching({}, 1);
  let longDone = false;
  const long = engine.forwardPcm(samples, starts(600), rate, false).then(() => {
    longDone = true;
  });
  for (let i = 0; i < 3; i++) await engine.forwardPcm(samples, starts(1), rate, false);
  assert.not(longDone);
  await long;
});

test('what would wait too long is refused with a time to try again, and a lone call never', async () => {
  using engine = await batching({ maxQueuedClips: 20 }, 1);
  await engine.forwardPcm(samples, starts(50), rate, false);
  // Larger than the queue may be, but nothing waits; it keeps the worker busy for longer than thirty calls take to be made.
  const long = engine.forwardPcm(samples, starts(2000), rate, false);
  const calls = Array.from({ length: 30 }, () => engine.forwardPcm(samples, starts(5), rate, false));
  const outcomes = await Promise.allSettled(calls);
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
  assert.is(refused.length, 30);
  assert.is((await long).activity.length, 2000);
  for (const error of refused) {
    assert.instance(error, OverloadedError);
    assert.ok((error as OverloadedError).retryAfterS > 0);
    assert.match((error as Error).message, /^\d+ clips are waiting already: try again later/);
  }
  assert.is(engine.stats()?.refusedCalls, refused.length);
});

test('an abort takes a call out of the queue, and the others go on', async () => {
  using engine = await batching({}, 1);
  const long = engine.forwardPcm(samples, starts(300), rate, false);
  const stop = new AbortController();
  const left = engine.forwardPcm(samples, starts(200), rate, false, { signal: stop.signal });
  stop.abort(new Error('the client left'));
  const reason = await left.then(
    () => null,
    (error: Error) => error.message,
  );
  assert.is(reason, 'the client left');
  assert.is((await long).activity.length, 300);
  const { clips = 0 } = engine.stats() ?? {};
  assert.ok(clips < 500, `${clips} clips computed`);
  assert.is(engine.stats()?.queuedClips, 0);
});

test('a call whose time is over is given up before all of it is computed', async () => {
  using engine = await batching({}, 1);
  // Nothing waits, so it is taken; its time is over after the first of its batches.
  const late = await engine.forwardPcm(samples, starts(600), rate, false, { withinMs: 1 }).catch((error) => error);
  assert.is((late as AutobirdError).code, 'deadline_exceeded');
  assert.is((await engine.forwardPcm(samples, starts(2), rate, false, { withinMs: 60_000 })).activity.length, 2);
  const { lateCalls, refusedCalls, clips = 1000 } = engine.stats() ?? {};
  assert.equal([lateCalls, refusedCalls], [1, 0]);
  assert.ok(clips < 600, `${clips} clips computed`);
  assert.is(engine.waitS, 0);
});

test('a call that cannot be in time is refused at once, with a time to try again', async () => {
  using engine = await batching({ maxQueuedClips: 10_000 }, 1);
  await engine.forwardPcm(samples, starts(1), rate, false);
  const long = engine.forwardPcm(samples, starts(5000), rate, false);
  const call = engine.forwardPcm(samples, starts(1), rate, false, { withinMs: 0.001 });
  const [outcome] = await Promise.allSettled([call, long]);
  assert.is(outcome.status, 'rejected');
  const { reason } = outcome as PromiseRejectedResult;
  assert.instance(reason, OverloadedError);
  assert.ok(reason.retryAfterS > 0);
  assert.match(reason.message, /^\d+ clips are waiting already, longer than this answer may take: try again later$/);
});

test('what a clip takes is told from the last batches, not from all there ever were', async () => {
  using engine = await batching({}, 1);
  let busyMs = 0;
  let [recentMs, recentClips] = [0, 0];
  for (let i = 0; i < 60; i++) {
    // One batch of one clip at a time, the second half of longer ones.
    await engine.forwardPcm(samples, starts(1), i < 30 ? rate / 8 : 5 * rate, false);
    const stats = engine.stats();
    const tookMs = (stats?.busyMs ?? 0) - busyMs;
    busyMs += tookMs;
    recentMs = 0.95 * recentMs + tookMs;
    recentClips = 0.95 * recentClips + 1;
    assert.ok(Math.abs((stats?.meanClipMs ?? 0) - recentMs / recentClips) < 1e-6, `${stats?.meanClipMs}`);
  }
  assert.is(engine.stats()?.clips, 60);
  assert.ok(busyMs > 0);
});

test('a time that is no time is refused', async () => {
  using engine = await batching();
  for (const withinMs of [Number.NaN, -1]) {
    await rejects(
      engine.forwardPcm(samples, starts(1), rate, false, { withinMs }),
      `Expected a number of milliseconds not below 0 for withinMs but received ${withinMs} of type number`,
    );
  }
  const { activity } = await engine.forwardPcm(samples, starts(1), rate, false, { withinMs: Number.POSITIVE_INFINITY });
  assert.is(activity.length, 1);
});

test('a wrong clip fails its own call only', async () => {
  using engine = await batching();
  const [bad, good] = await Promise.allSettled([
    engine.forwardPcm(samples, Float64Array.of(Number.NaN), rate, false),
    engine.forwardPcm(samples, starts(3), rate, false),
  ]);
  assert.is(bad?.status, 'rejected');
  assert.is(good?.status, 'fulfilled');
  assert.is((await engine.forwardPcm(samples, new Float64Array(0), rate, false)).activity.length, 0);
});

test('dispose rejects what waits', async () => {
  const engine = await batching({}, 1);
  const calls = Array.from({ length: 20 }, () => engine.forwardPcm(samples, starts(20), rate, false));
  const outcomes = Promise.allSettled(calls);
  engine.dispose();
  const codes = (await outcomes).map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as AutobirdError).code : 'done',
  );
  assert.ok(codes.includes('aborted'), codes.join());
  await engine.forwardPcm(samples, starts(1), rate, false).then(
    () => assert.unreachable(),
    (error: AutobirdError) => assert.is(error.code, 'disposed'),
  );
});

test('options out of range are refused', async () => {
  for (const changes of [{ maxClips: 0 }, { maxDelayMs: -1 }, { maxQueuedClips: 0 }]) {
    const failure = await batching(changes).then(
      () => null,
      (error: AutobirdError) => error.code,
    );
    assert.is(failure, 'invalid_argument', JSON.stringify(changes));
  }
});

test.run();
