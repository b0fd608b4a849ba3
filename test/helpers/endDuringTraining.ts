/** Trains without end, and ends this process or worker in the way the argument says; for test/native/lifetime.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { Trainer } from '../../bindings/index.ts';
import { formulaBatch } from './modelFormula.ts';
import { trainerOptions } from './tinyNetwork.ts';

const how: unknown = parentPort ? workerData : process.argv[2];
const shape = { rows: 64, mels: 16, frames: 200, classes: 3 };
const trainer = await Trainer.create(trainerOptions({ threads: 2 }), null);
const { features, target } = formulaBatch(0, shape);
const step = () => trainer.stepFeatures(features, target, shape.rows, { learningRate: 1e-3 });
const steps = Array.from({ length: 500 }, step);
for (const running of steps) running.catch(() => {});
await steps[1];
parentPort?.postMessage('training');
if (how === 'exit') process.exit(7);
if (how === 'throw')
  setImmediate(() => {
    throw new Error('uncaught on purpose');
  });
