import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DisposedError,
  Engine,
  FfmpegDecoder,
  InvalidArgumentError,
  releaseFreeMemory,
  ShardSet,
  Trainer,
} from '../../bindings/index.ts';
import { loadAddon } from '../../bindings/load.ts';
import type { NamedTensor } from '../../bindings/native.ts';
import { plainPlan } from '../helpers/batchPlan.ts';
import { eventually } from '../helpers/eventually.ts';
import { formulaBatch } from '../helpers/modelFormula.ts';
import { rejects } from '../helpers/rejects.ts';
import { recordingOf, writeShard } from '../helpers/shards.ts';
import { engineOptions, tinyFeatures, trainerOptions } from '../helpers/tinyNetwork.ts';
import { wav } from '../helpers/wav.ts';
import { withTempDir } from '../helpers/withTempDir.ts';

const script = fileURLToPath(new URL('../helpers/endDuringTraining.ts', import.meta.url));
const shape = { rows: 2, mels: 16, frames: 51, classes: 3 };
const rate = tinyFeatures.sampleRateHz;

test('a disposed handle says so, and disposing twice is fine', async () => {
  const trainer = await Trainer.create(trainerOptions({}), null);
  const engine = await Engine.create(engineOptions(trainerOptions({})), await trainer.exportState(false));
  for (const handle of [trainer, engine, trainer, engine]) handle.dispose();
  for (const call of [trainer.exportState(false), engine.forwardFeatures(new Float32Array(16), 1, false)]) {
    const error = await call.catch((reason) => reason);
    assert.instance(error, DisposedError);
    assert.match(error.message, /^(Trainer|Engine) was disposed: make a new one before using it again$/);
  }
});

test('disposing a shard set disposes the trainers that read from it, and only those', () =>
  withTempDir(async (dir) => {
    const shards = await ShardSet.open([await writeShard(dir, '0.bin', recordingOf(0, 2, rate), rate)], tinyFeatures);
    const reading = await Trainer.create(trainerOptions({}), shards);
    using apart = await Trainer.create(trainerOptions({}), null);
    const plan = plainPlan([0], [0], rate, 3);
    assert.ok((await reading.step(plan, { learningRate: 1e-3 })).loss > 0);
    shards.dispose();
    assert.instance(await reading.exportState(false).catch((reason) => reason), DisposedError);
    assert.instance(await shards.readPcm(0, 0, 1).catch((reason) => reason), DisposedError);
    assert.ok((await apart.exportState(false)).length > 0);
    await rejects(Trainer.create(trainerOptions({}), shards), (error: Error) => error instanceof DisposedError);
  }));

test('another object in the place of a shard set is a sentence, not a crash', async () => {
  const addon = loadAddon();
  const wrong = await addon.createTrainer(trainerOptions({}), null);
  for (const other of [wrong, {}, 3]) {
    assert.throws(
      () => addon.createTrainer(trainerOptions({}), other as never),
      (error: Error) =>
        error instanceof InvalidArgumentError && error.message.startsWith('Expected a ShardSet for shards'),
    );
  }
  wrong.dispose();
});

test('a job that runs while its handle is disposed still ends, and what is queued is rejected', async () => {
  const trainer = await Trainer.create(trainerOptions({}), null);
  const { features, target } = formulaBatch(0, shape);
  const steps = Array.from({ length: 50 }, () =>
    trainer.stepFeatures(features, target, shape.rows, { learningRate: 1e-3 }),
  );
  await steps[0];
  trainer.dispose();
  const outcomes = await Promise.allSettled(steps);
  const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.ok(rejected.length > 0);
  for (const { reason } of rejected) assert.ok(['aborted', 'disposed'].includes(reason.code), reason.code);
});

test('two calls at once run one after the other; two handles run beside each other', async () => {
  const { features, target } = formulaBatch(0, shape);
  using a = await Trainer.create(trainerOptions({}), null);
  using b = await Trainer.create(trainerOptions({}), null);
  const step = (trainer: typeof a) => trainer.stepFeatures(features, target, shape.rows, { learningRate: 1e-3 });
  const both = await Promise.all([step(a), step(a), step(b), step(b)]);
  assert.is(both[0].loss, both[2].loss);
  assert.is(both[1].loss, both[3].loss);
  assert.is.not(both[0].loss, both[1].loss);
});

test('trainers that are dropped without dispose are collected, because V8 knows what they weigh', async () => {
  const wide = trainerOptions({ model: { ...trainerOptions({}).model, ffDim: 20_000 } });
  const bytes = 20_000 * 16 * 2 * 4 * 4; // weights, gradients and two moments of the wide layer
  const before = process.memoryUsage().rss;
  const count = 120;
  for (let i = 0; i < count; i++) {
    await Trainer.create(wide, null);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < (count * bytes) / 2, `${Math.round(grown / 1e6)} MB of ${Math.round((count * bytes) / 1e6)} MB`);
});

test('a trainer that nobody holds is collected while its shard set lives', () =>
  withTempDir(async (dir) => {
    using shards = await ShardSet.open([await writeShard(dir, '0.bin', recordingOf(0, 2, rate), rate)], tinyFeatures);
    const dropped = new WeakRef(Trainer.create(trainerOptions({}), shards));
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    for (let round = 0; round < 50 && dropped.deref(); round++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      collect();
    }
    assert.is(dropped.deref(), undefined);
    assert.is((await shards.readPcm(0, 0, 10)).length, 10);
  }));

test('a trainer whose shard set goes while it is made goes with it', () =>
  withTempDir(async (dir) => {
    const shards = await ShardSet.open([await writeShard(dir, '0.bin', recordingOf(0, 2, rate), rate)], tinyFeatures);
    const trainer = Trainer.create(trainerOptions({}), shards);
    shards.dispose();
    await rejects(trainer, 'ShardSet was disposed: make a new one before using it again');
  }));

for (const batching of [null, { maxClips: 16, maxDelayMs: 1, maxQueuedClips: 100 }]) {
  test(`engines that are disposed of give their weights and threads back, ${batching ? 'batching' : 'alone'}`, async () => {
    if (process.platform !== 'linux') return console.log('# skip: no /proc here to count threads in');
    const wide = trainerOptions({ model: { ...trainerOptions({}).model, ffDim: 20_000 } });
    using trainer = await Trainer.create(wide, null);
    const weights = await trainer.exportState(false);
    const bytes = weights.reduce((sum, { data }) => sum + data.length, 0); // 2.6 MB
    const create = () => Engine.create({ ...engineOptions(wide), threads: 2, batching }, weights);
    const held = async () => {
      await releaseFreeMemory();
      return { rss: process.memoryUsage.rss(), threads: (await readdir('/proc/self/task')).length };
    };
    for (let i = 0; i < 5; i++) (await create()).dispose();
    const before = await held();
    const engines: Engine[] = []; // held, so that it is not the garbage collector that frees them
    for (let i = 0; i < 50; i++) {
      const engine = await create();
      engines.push(engine);
      const call = engine.forwardPcm(new Float32Array(rate), Float64Array.of(0), rate, false);
      if (i % 2) await call;
      else call.catch(() => {});
      engine.dispose();
    }
    const settled = async () => {
      const { rss, threads } = await held();
      return threads <= before.threads && rss - before.rss < 10 * bytes;
    };
    await eventually(settled, `${JSON.stringify(before)} before, ${JSON.stringify(await held())} after`);
    assert.is(engines.length, 50);
  });
}

/** Counts the turns of the event loop until it is disposed of. */
function watchedLoop(): Disposable & { readonly turns: number } {
  let turns = 0;
  let watching = true;
  const count = () => {
    turns++;
    if (watching) setImmediate(count);
  };
  setImmediate(count);
  return {
    get turns() {
      return turns;
    },
    [Symbol.dispose]() {
      watching = false;
    },
  };
}

test('the event loop turns while handles are made', () =>
  withTempDir(async (dir) => {
    const entry = await writeShard(dir, '0.bin', recordingOf(0, 2, rate), rate);
    const wide = trainerOptions({ model: { ...trainerOptions({}).model, ffDim: 20_000, nLayers: 8 } });
    for (const make of [
      () => ShardSet.open(new Array(5000).fill(entry), tinyFeatures),
      () => Trainer.create(wide, null),
    ]) {
      const promise = make();
      using loop = watchedLoop();
      using _handle = await promise;
      assert.ok(loop.turns > 5, `${loop.turns} turns`);
    }
  }));

test('the event loop turns while the entries of many shards are read', () =>
  withTempDir(async (dir) => {
    const entry = await writeShard(dir, '0.bin', recordingOf(0, 2, rate), rate);
    using loop = watchedLoop();
    let turnsBeforeLast = 0;
    const last = {
      ...entry,
      get path() {
        turnsBeforeLast = loop.turns;
        return entry.path;
      },
    };
    using shards = await ShardSet.open([...new Array(99_999).fill(entry), last], tinyFeatures);
    assert.is(shards.size, 100_000);
    assert.ok(turnsBeforeLast >= 10, `${turnsBeforeLast} turns`);
    assert.equal(await shards.readPcm(99_999, 0, 100), await shards.readPcm(0, 0, 100));
  }));

test('the event loop turns while the weights of an engine are copied', async () => {
  const wide = trainerOptions({ model: { ...trainerOptions({}).model, dModel: 256, ffDim: 12_000, nLayers: 4 } });
  using trainer = await Trainer.create(wide, null);
  const weights = await trainer.exportState(false);
  using loop = watchedLoop();
  let turnsBeforeLast = 0;
  const { data, ...last } = weights.pop() as NamedTensor;
  const watched = {
    ...last,
    get data() {
      turnsBeforeLast = loop.turns;
      return data;
    },
  };
  using engine = await Engine.create(engineOptions(wide), [...weights, watched]);
  assert.is(engine.stats(), null);
  const bytes = weights.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
  assert.ok(bytes > 100e6, `${bytes} bytes`);
  assert.ok(turnsBeforeLast >= 5, `${turnsBeforeLast} turns`);
});

for (const [how, code] of [
  ['exit', 7],
  ['throw', 1],
] as const) {
  test(`a process that ends during training by ${how} ends cleanly`, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, how], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    const [exit, signal] = await once(child, 'close');
    assert.equal([exit, signal], [code, null], stderr);
    if (how === 'throw') assert.match(stderr, /uncaught on purpose/);
  });
}

test('a worker that trains can be terminated, and this thread goes on', async () => {
  for (let round = 0; round < 2; round++) {
    const worker = new Worker(
      `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(script)}); });`,
      { eval: true, workerData: 'run' },
    );
    await once(worker, 'message');
    assert.is(await worker.terminate(), 1);
  }
  using trainer = await Trainer.create(trainerOptions({}), null);
  const { features, target } = formulaBatch(0, shape);
  assert.ok((await trainer.stepFeatures(features, target, shape.rows, { learningRate: 1e-3 })).loss > 0);
});

if (!FfmpegDecoder.available) console.log('# skip: audio.node is not built, its reads cannot be ended');
else {
  test('a worker that decodes a long file ends at once', () =>
    withTempDir(async (dir) => {
      const path = join(dir, 'long.wav');
      const samples = 2 ** 26; // what one read may give
      const header = wav({ tag: 7, bits: 8, rate: 8000, data: new Uint8Array(), declared: samples });
      await writeFile(path, header);
      await truncate(path, header.length + samples);
      const limits = { maxChannels: 1, maxSampleRateHz: 8000, maxDurationS: 1e5 };
      using decoder = await FfmpegDecoder.open(path, { limits });
      let began = performance.now();
      assert.is((await decoder.read(samples))?.length, samples);
      const whole = performance.now() - began;
      const worker = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads');
         import('tsx/esm/api').then(async ({ register }) => {
           register();
           const { FfmpegDecoder } = await import(workerData.bindings);
           const decoder = await FfmpegDecoder.open(workerData.path, { limits: workerData.limits });
           decoder.read(workerData.samples);
           parentPort.postMessage('reading');
         });`,
        {
          eval: true,
          workerData: { path, limits, samples, bindings: new URL('../../bindings/index.ts', import.meta.url).href },
        },
      );
      await once(worker, 'message');
      began = performance.now();
      await worker.terminate();
      const took = performance.now() - began;
      assert.ok(took < whole / 2, `${took} ms to end, ${whole} ms to read it all`);
    }));
}

test.run();
