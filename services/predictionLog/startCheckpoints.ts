import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

const everyMs = 1000;

/**
 * Copies the write-ahead log of a database into its file now and then, on a thread that may wait for the disk. Terminate it
 * before the database is closed for good.
 */
export function startCheckpoints(path: string): Worker {
  const worker = new Worker(source, {
    eval: true,
    workerData: { path, driver: createRequire(import.meta.url).resolve('libsql') },
  });
  worker.unref();
  return worker;
}

// Text and no file of its own: it is the same from the sources, which a worker cannot load, and from what is built of them.
const source = `
  const { workerData } = require('node:worker_threads');
  const Database = require(workerData.driver);
  const database = new Database(workerData.path);
  database.exec('PRAGMA busy_timeout = 1000');
  database.exec('PRAGMA synchronous = NORMAL');
  setInterval(() => {
    try {
      // Passive: never in the way of a writer.
      database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch {
      // Busy, or the disk is full: the writer says so where it matters.
    }
  }, ${everyMs});
`;
