/** The thread of `LogWorker`: does what it is told, and says what became of it. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { LogWork, waitMs } from './LogWork.ts';
import { openLogFile } from './openLogFile.ts';

export interface LogThreadData {
  readonly path: string;
  readonly retentionDays: number | null;
}

export type LogMethod = 'page' | 'driftRows' | 'delete' | 'fed' | 'close';

export interface LogCall {
  readonly id: number;
  readonly method: LogMethod;
  readonly argument: unknown;
}

export type LogMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly deleted: number };

const port = parentPort as MessagePort;
const { path, retentionDays } = workerData as LogThreadData;
const send = (message: LogMessage) => port.postMessage(message);
const work = new LogWork(openLogFile(path, waitMs), { retentionDays, onDeleted: (deleted) => send({ deleted }) });

port.on('message', async ({ id, method, argument }: LogCall) => {
  try {
    send({ id, result: await (work[method] as (argument: unknown) => unknown).call(work, argument) });
  } catch (error) {
    send({ id, error: (error as Error).message });
  }
  if (method === 'close') port.close();
});
port.postMessage('ready');
