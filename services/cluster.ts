/**
 * Several processes behind one port (`service.workers`). The first process starts the others, replaces one that dies, and
 * carries what they tell each other: metrics of all, how many of them serve, and that all look at their models.
 */
import cluster, { type Worker } from 'node:cluster';
import type { FastifyBaseLogger } from 'fastify';
import { Gauge } from 'prom-client';
import { countersOf, type MetricValues, merged, type ServiceRegistry } from './http/ServiceRegistry.ts';
import { stopGracefully } from './stopGracefully.ts';

/** A worker requests the metrics of all; the first process collects those of each; the one that requested is told the sum. */
type Message =
  | { readonly autobird: 'ready' }
  | { readonly autobird: 'metrics'; readonly id: number }
  | { readonly autobird: 'collect'; readonly id: number }
  | { readonly autobird: 'collected'; readonly id: number; readonly metrics: MetricValues }
  | { readonly autobird: 'counted'; readonly metrics: MetricValues }
  | { readonly autobird: 'metrics-text'; readonly id: number; readonly text?: string; readonly error?: string }
  | { readonly autobird: 'missing'; readonly text: string | null }
  | { readonly autobird: 'refresh' };

/** A worker that has not given its metrics by then hangs: what it had counted is shown. */
const collectMs = 5000;
/** How often a worker tells what it has counted, so that little of it is lost when it dies. */
const countedEveryMs = 2000;
/** A worker that lived as long was well: the next one is started at once. */
const wellMs = 60_000;
const longestPauseMs = 60_000;

export interface SuperviseOptions {
  readonly workers: number;
  /** Seconds that workers have to end. */
  readonly shutdownS: number;
  readonly logger: FastifyBaseLogger;
}

/**
 * Runs the same program as workers until it is told to stop. Where the first one of all cannot start, the settings are wrong, and
 * the process ends with its code; later a worker that cannot start is tried again, with growing pauses, beside those that serve.
 */
export function superviseWorkers({ workers, shutdownS, logger }: SuperviseOptions): void {
  const readyAt = new Map<number, number>();
  /** What each worker had counted and measured at the last request, and what the workers counted that are gone. */
  const latest = new Map<number, MetricValues>();
  const ofTheDead: MetricValues[] = [];
  let serving = false;
  let stopping = false;
  let failures = 0;
  const start = () => {
    if (!stopping) cluster.fork();
  };
  const tellMissing = () => {
    const text = readyAt.size < workers ? `${readyAt.size} of ${workers} processes serve` : null;
    for (const worker of connected()) tell(worker, { autobird: 'missing', text });
  };
  cluster.on('exit', ({ id, process: { pid } }, code, signal) => {
    bury(id);
    if (stopping) return;
    const since = readyAt.get(id);
    readyAt.delete(id);
    if (!serving) {
      // Its own message is out already.
      logger.error({ pid, code, signal }, 'A worker did not start');
      stopping = true;
      void stopAll('SIGTERM').then(() => process.exit(code || 1));
      return;
    }
    const wasWell = since !== undefined && performance.now() - since >= wellMs;
    failures = wasWell ? 0 : failures + 1;
    const pauseMs = wasWell ? 0 : Math.min(longestPauseMs, 1000 * 2 ** (failures - 1));
    const what = since === undefined ? 'A worker did not start' : 'A worker died';
    logger.error({ pid, code, signal, pauseMs }, `${what}: another one takes its place`);
    tellMissing();
    setTimeout(start, pauseMs);
  });
  const bury = (id: number) => {
    ofTheDead.push(countersOf(latest.get(id) ?? []));
    latest.delete(id);
    const known = [...ofTheDead];
    void merged(known)
      .getMetricsAsJSON()
      .then((sum) => {
        if (known.every((one, i) => one === ofTheDead[i])) ofTheDead.splice(0, known.length, sum);
      });
  };
  const collectAll = async () => {
    // One that is starting has counted nothing, and would not reply.
    const ready = connected().filter(({ id }) => readyAt.has(id));
    await Promise.all(
      ready.map(async (worker) => {
        const metrics = await metricsOf(worker);
        if (metrics !== null) latest.set(worker.id, metrics);
        else if (latest.has(worker.id)) latest.set(worker.id, countersOf(latest.get(worker.id) ?? []));
      }),
    );
    const all = merged([...latest.values(), ...ofTheDead]);
    const processes = new Gauge({
      name: 'autobird_workers',
      help: processesHelp,
      labelNames: ['state'],
      registers: [all],
    });
    processes.set({ state: 'serving' }, readyAt.size);
    processes.set({ state: 'missing' }, workers - readyAt.size);
    return await all.metrics();
  };
  cluster.on('message', (worker, message: Message) => {
    if (message.autobird === 'ready') {
      readyAt.set(worker.id, performance.now());
      // The first one alone makes the files that all share, and finds what is wrong with the settings.
      if (!serving) for (let i = 1; i < workers; i++) start();
      serving = true;
      tellMissing();
    } else if (message.autobird === 'refresh') {
      for (const other of connected()) if (other !== worker) tell(other, { autobird: 'refresh' });
    } else if (message.autobird === 'counted') {
      if (worker.isConnected()) latest.set(worker.id, message.metrics);
    } else if (message.autobird === 'metrics') {
      const { id } = message;
      collectAll().then(
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

const processesHelp = 'Processes that serve, and those that could not be started yet';

function connected(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker?.isConnected()) as Worker[];
}

function tell(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message);
}

let lastCollection = 0;

/** Null where it died meanwhile, or hangs. */
function metricsOf(worker: Worker): Promise<MetricValues | null> {
  const id = ++lastCollection;
  return new Promise((resolve) => {
    const end = (metrics: MetricValues | null) => {
      clearTimeout(timer);
      worker.off('message', take);
      worker.off('exit', died);
      resolve(metrics);
    };
    const take = (message: Message) => {
      if (message.autobird === 'collected' && message.id === id) end(message.metrics);
    };
    const died = () => end(null);
    const timer = setTimeout(died, collectMs);
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

/** Tells the first process, where there is one, that this worker serves. */
export function announceReady(): void {
  process.send?.({ autobird: 'ready' } satisfies Message);
}

/** The other processes behind the same port, as one of them sees them. */
export interface Peers {
  /** How many of them are missing, for people; null where all serve. */
  readonly missing: string | null;
  /** The metrics of all of them, for Prometheus. */
  metrics(): Promise<string>;
  /** Has the others look at their models. */
  refresh(): void;
}

/**
 * @param own the metrics of this process
 * @param onRefresh called when another process was told to look for new models
 */
export function joinPeers(own: ServiceRegistry, onRefresh: () => void): Peers {
  if (!cluster.isWorker) return { missing: null, metrics: () => own.metrics(), refresh: () => {} };
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let missing: string | null = null;
  const send = (message: Message) => {
    if (process.connected) process.send?.(message);
  };
  setInterval(
    () => void own.counted().then((metrics) => send({ autobird: 'counted', metrics })),
    countedEveryMs,
  ).unref();
  process.on('message', (message: Message) => {
    if (message.autobird === 'refresh') {
      onRefresh();
    } else if (message.autobird === 'missing') {
      missing = message.text;
    } else if (message.autobird === 'collect') {
      const { id } = message;
      void own.getMetricsAsJSON().then((metrics) => send({ autobird: 'collected', id, metrics }));
    } else if (message.autobird === 'metrics-text') {
      const request = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.text === undefined) request?.reject(new Error(`The metrics of all processes: ${message.error}`));
      else request?.resolve(message.text);
    }
  });
  return {
    get missing() {
      return missing;
    },
    metrics: () =>
      new Promise((resolve, reject) => {
        const id = ++last;
        waiting.set(id, { resolve, reject });
        send({ autobird: 'metrics', id });
      }),
    refresh: () => send({ autobird: 'refresh' }),
  };
}

interface Waiting {
  readonly resolve: (text: string) => void;
  readonly reject: (error: Error) => void;
}
