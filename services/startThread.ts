import { Worker } from 'node:worker_threads';

/** Starts a module of this package as a thread, from what is built or, in development, from its source. */
export function startThread(module: URL, workerData: unknown): Worker {
  if (!module.pathname.endsWith('.ts')) return new Worker(module, { workerData });
  // Node 20 does not hand a loader on to threads.
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const load = `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(module.href)}); })`;
  return new Worker(load, { eval: true, workerData });
}
