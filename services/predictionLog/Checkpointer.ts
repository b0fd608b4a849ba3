import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

const everyMs = 1000;

/** Copies the write-ahead log of a database into its file now and then, on a thread that may wait for the disk. */
export class Checkpointer {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  /** Waits until the thread has opened the database: the driver aborts the process that ends meanwhile. */
  constructor(path: string) {
    const opened = new Int32Array(new SharedArrayBuffer(4));
    this.#worker = new Worker(source, {
      eval: true,
      workerData: { path, opened, driver: createRequire(import.meta.url).resolve('libsql') },
    });
    this.#worker.unref();
    this.#worker.on('error', (error) => process.emitWarning(`The log's checkpoints ended: ${error.message}`));
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    Atomics.wait(opened, 0, 0);
  }

  /** Lets the thread end by itself. Call it before the database is closed for good. */
  async stop(): Promise<void> {
    // Else a process with nothing else to do would leave before it.
    this.#worker.ref();
    this.#worker.postMessage('stop');
    await this.#ended;
  }
}

// Text and no file of its own: it is the same from the sources, which a worker cannot load, and from what is built of them.
const source = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { path, opened, driver } = workerData;
  let database;
  try {
    database = new (require(driver))(path);
  } finally {
    Atomics.store(opened, 0, 1);
    Atomics.notify(opened, 0);
  }
  database.exec('PRAGMA busy_timeout = 1000');
  database.exec('PRAGMA synchronous = NORMAL');
  const timer = setInterval(() => {
    try {
      // Passive: never in the way of a writer.
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // Busy, or the disk is full: the writer says so where it matters.
    }
  }, ${everyMs});
  parentPort.once('message', () => {
    clearInterval(timer);
    database.close();
  });
`;
