/**
 * Several processes behind one port (`service.workers`). The first process starts the others, replaces one that dies, and
 * carries what they ask of each other: metrics of all, and that all look at their models.
 */
import cluster, { type Worker } from 'node:cluster';
import type { FastifyBaseLogger } from 'fastify';
import { AggregatorRegistry, type Registry } from 'prom-client';
import { stopGracefully } from './stopGracefully.ts';

type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** A worker asks for the metrics of all; the first process collects those of each; the one that asked is told the sum. */
type Message =
  | { readonly autobird: 'ready' }
  | { readonly autobird: 'metrics'; readonly id: number }
  | { readonly autobird: 'collect'; readonly id: number }
  | { readonly autobird: 'collected'; readonly id: number; readonly metrics?: Metrics; readonly error?: string }
  | { readonly autobird: 'metrics-text'; readonly id: number; readonly text?: string; readonly error?: string }
  | { readonly autobird: 'refresh' };

/** A worker that has not given its metrics by then hangs. */
const collectMs = 5000;

/** A worker that dies sooner than this after it was ready waits as long before it is replaced. */
const soonMs = 2000;

export interface SuperviseOptions {
  readonly workers: number;
  /** Seconds that workers have to end. */
  readonly shutdownS: number;
  readonly logger: FastifyBaseLogger;
}

/** Runs the same program as workers until it is told to stop; ends the process with 1 where a worker cannot start. */
export function superviseWorkers({ workers, shutdownS, logger }: SuperviseOptions): void {
  const readyAt = new Map<number, number>();
  let stopping = false;
  const start = () => {
    if (!stopping) cluster.fork();
  };
  cluster.on('exit', ({ id, process: { pid } }, code, signal) => {
    if (stopping) return;
    const since = readyAt.get(id);
    if (since === undefined) {
      // Its own message is out already.
      logger.error({ pid, code, signal }, 'A worker did not start');
      stopping = true;
      void stopAll('SIGTERM').then(() => process.exit(code || 1));
      return;
    }
    logger.error({ pid, code, signal }, 'A worker died: another one takes its place');
    setTimeout(start, performance.now() - since < soonMs ? soonMs : 0);
  });
  cluster.on('message', (worker, message: Message) => {
    if (message.autobird === 'ready') {
      readyAt.set(worker.id, performance.now());
      // The first one alone makes the files that all share, and finds what is wrong with the settings.
      if (readyAt.size === 1) for (let i = 1; i < workers; i++) start();
    } else if (message.autobird === 'refresh') {
      for (const other of connected()) if (other !== worker) tell(other, { autobird: 'refresh' });
    } else if (message.autobird === 'metrics') {
      const { id } = message;
      // One that is starting has counted nothing, and would not answer.
      const ready = connected().filter((one) => readyAt.has(one.id));
      Promise.all(ready.map((one) => metricsOf(one)))
        .then((all) => AggregatorRegistry.aggregate(all).metrics())
        .then(
          (text) => tell(worker, { autobird: 'metrics-text', id, text }),
          (error: Error) => tell(worker, { autobird: 'metrics-text', id, error: error.message }),
        );
    }
  });
  stopGracefully({ delayMs: 1000 * shutdownS + 1000, logger }, async (signal) => {
    stopping = true;
    await stopAll(signal);
  });
  start();
}

function connected(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected()) as Worker[];
}

function tell(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message);
}

let lastCollection = 0;

function metricsOf(worker: Worker): Promise<Metrics> {
  const id = ++lastCollection;
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      worker.off('message', take);
      worker.off('exit', died);
    };
    const take = (message: Message) => {
      if (message.autobird !== 'collected' || message.id !== id) return;
      end();
      if (message.metrics === undefined) reject(new Error(`process ${worker.process.pid}: ${message.error}`));
      else resolve(message.metrics);
    };
    const died = () => {
      end();
      resolve([]);
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`process ${worker.process.pid} does not answer`));
    }, collectMs);
    worker.on('message', take);
    worker.on('exit', died);
    tell(worker, { autobird: 'collect', id });
  });
}

async function stopAll(signal: NodeJS.Signals): Promise<void> {
  const left = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  await Promise.all(
    left.map(
      (worker) =>
        new Promise<void>((resolve) => {
          worker.once('exit', () => resolve());
          worker.process.kill(signal);
        }),
    ),
  );
}

/** Tells the first process, where there is one, that this worker listens. */
export function announceReady(): void {
  process.send?.({ autobird: 'ready' } satisfies Message);
}

/** The other processes behind the same port, as one of them sees them. */
export interface Peers {
  /** The metrics of all of them, for Prometheus. */
  metrics(): Promise<string>;
  /** Has the others look at their models. */
  refresh(): void;
}

/**
 * @param own the metrics of this process
 * @param onRefresh called when another process was asked to look at its models
 */
export function joinPeers(own: Registry, onRefresh: () => void): Peers {
  if (!cluster.isWorker) return { metrics: () => own.metrics(), refresh: () => {} };
  const waiting = new Map<number, Waiting>();
  let last = 0;
  const say = (message: Message) => process.send?.(message);
  process.on('message', (message: Message) => {
    if (message.autobird === 'refresh') {
      onRefresh();
    } else if (message.autobird === 'collect') {
      const { id } = message;
      own.getMetricsAsJSON().then(
        (metrics) => say({ autobird: 'collected', id, metrics }),
        (error: Error) => say({ autobird: 'collected', id, error: error.message }),
      );
    } else if (message.autobird === 'metrics-text') {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.text === undefined) asked?.reject(new Error(`The metrics of all processes: ${message.error}`));
      else asked?.resolve(message.text);
    }
  });
  return {
    metrics: () =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        say({ autobird: 'metrics', id });
      }),
    refresh: () => say({ autobird: 'refresh' }),
  };
}

interface Waiting {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}
