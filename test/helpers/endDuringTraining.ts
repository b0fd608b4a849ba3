/** Trains without end, and ends this process or worker in the way the argument says; for test/native/lifetime.test.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { createTrainer } from '../../bindings/index.ts';
import { formulaBatch } from './modelFormula.ts';
import { trainerOptions } from './tinyNetwork.ts';

const how: unknown = parentPort ? workerData : process.argv[2];
const shape = { rows: 64, mels: 16, frames: 200, classes: 3 };
const trainer = createTrainer(trainerOptions({ threads: 2 }), null);
const { features, target } = formulaBatch(0, shape);
const step = () => trainer.stepFeatures(features, target, shape.rows, { learningRate: 1e-3 });
for (let i = 0; i < 500; i++) void step().catch(() => {});
await step().catch(() => {});
await Promise.race([Promise.all([step(), step()]), new Promise((resolve) => setTimeout(resolve, 50))]);
parentPort?.postMessage('training');
if (how === 'exit') process.exit(7);
if (how === 'throw')
  setImmediate(() => {
    throw new Error('uncaught on purpose');
  });
