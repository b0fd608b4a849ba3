/**
 * Load from this process. Open loop: requests become due at a rate that does not depend on the server, and a latency
 * runs from the instant its request was due; a server that stalls for a second is seen stalling by everybody who came
 * in that second (what "coordinated omission" leaves out). Closed loop: clients that each wait for their response.
 */
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { onAbort } from '../../bindings/abortable.ts';
import { randomFor } from '../../src/random.ts';
import { LoadStatistics } from './LoadStatistics.ts';
import type { LoadRequest } from './scenario.ts';

export interface LoadOptions {
  readonly url: string;
  readonly scenario: readonly LoadRequest[];
  /** Requests a second (open loop). Give this or `clients`. */
  readonly rate?: number;
  /** Clients that send, wait and send again (closed loop). */
  readonly clients?: number;
  /** `poisson` (default) as people come, `constant` in equal steps. */
  readonly arrivals?: 'poisson' | 'constant';
  /** Measured seconds; default 30. */
  readonly durationS?: number;
  /** Seconds before them that are not counted; default 2. */
  readonly warmUpS?: number;
  /** Most connections at once; a request that waits for one is late, not left out. Default 1,024. */
  readonly connections?: number;
  /** A response that takes longer counts as failed; default 30. */
  readonly timeoutS?: number;
  /** Seed of the arrivals and of the mix; default 1. */
  readonly seed?: number;
  /** Aborted, nothing more is sent, and the result is of what was measured until then. */
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  readonly statistics: LoadStatistics;
  /**
   * From the first measured request to the last response: an overloaded server serves its backlog after the arrivals
   * ended.
   */
  readonly elapsedS: number;
  /** What this process itself used, in cores. Near 1, it measures itself. */
  readonly generatorCores: number;
  readonly startedAt: Date;
}

/** @throws when neither or both of `rate` and `clients` are given, or one is not a positive number. */
export async function generateLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, scenario, rate, clients, arrivals = 'poisson', signal } = options;
  const { durationS = 30, warmUpS = 2, timeoutS = 30 } = options;
  if ((rate === undefined) === (clients === undefined)) throw new RangeError('Expected either a rate or clients');
  if (!((rate ?? clients ?? 0) > 0))
    throw new RangeError(`Expected a positive rate or number of clients but received ${rate ?? clients}`);
  const base = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: clients ?? options.connections ?? 1024 });
  const stream = randomFor(options.seed ?? 1, 'load');
  const random = () => stream.next();
  const pick = picker(scenario, random);
  const statistics = new LoadStatistics();
  const begin = performance.now() + 1000 * warmUpS;
  let end = begin + 1000 * durationS;
  const stop = () => {
    end = performance.now();
  };
  const forget = onAbort(signal, stop);
  let lastResponse = begin;
  let cpuAtBegin: NodeJS.CpuUsage | undefined;

  const send = async (dueMs: number): Promise<void> => {
    const request = pick();
    // A timer may fire up to a millisecond early, and a fast response then comes before its request was due.
    const fromMs = Math.min(dueMs, performance.now());
    const { status, bytes, error } = await exchange(agent, base, request, dueMs + 1000 * timeoutS);
    const now = performance.now();
    if (dueMs < begin) return;
    lastResponse = now;
    const reason = error ?? (status >= 400 ? `HTTP ${status}` : undefined);
    statistics.record({
      method: request.method,
      path: request.path,
      dueS: (dueMs - begin) / 1000,
      latencyMs: now - fromMs,
      bytes,
      ...(reason === undefined ? {} : { error: reason }),
    });
  };
  const startedAt = new Date(Date.now() + 1000 * warmUpS);
  const cpuTimer = setTimeout(() => {
    cpuAtBegin = process.cpuUsage();
  }, 1000 * warmUpS);
  try {
    if (rate !== undefined) {
      const gapMs = () => (arrivals === 'constant' ? 1 : -Math.log(1 - random())) * (1000 / rate);
      const open: Promise<void>[] = [];
      for (let due = performance.now() + gapMs(); due < end; due += gapMs()) {
        const early = due - performance.now();
        // The end that an abort brings is seen by the loop.
        if (early > 0) await wait(early, undefined, { signal }).catch(() => {});
        if (due < end) open.push(send(due));
      }
      await Promise.all(open);
    } else {
      const client = async () => {
        while (performance.now() < end) await send(performance.now());
      };
      await Promise.all(Array.from({ length: clients as number }, client));
    }
  } finally {
    clearTimeout(cpuTimer);
    forget();
    agent.destroy();
  }
  const elapsedS = Math.max(end - begin, lastResponse - begin) / 1000;
  const cpu = process.cpuUsage(cpuAtBegin);
  return { statistics, elapsedS, startedAt, generatorCores: (cpu.user + cpu.system) / 1e6 / elapsedS };
}

function exchange(
  agent: Agent,
  base: URL,
  { method, path, headers, body }: LoadRequest,
  deadlineMs: number,
): Promise<{ status: number; bytes: number; error?: string }> {
  return new Promise((resolve) => {
    let bytes = 0;
    const request = httpRequest({ agent, host: base.hostname, port: base.port || 80, method, path, headers });
    // Not the socket's idle time-out: a trickle of bytes must not keep a late response alive.
    const timer = setTimeout(() => request.destroy(new Error('timeout')), Math.max(0, deadlineMs - performance.now()));
    const finish = (status: number, error?: string) => {
      clearTimeout(timer);
      resolve(error === undefined ? { status, bytes } : { status, bytes, error });
    };
    request.on('error', (error: NodeJS.ErrnoException) => finish(0, error.code ?? error.message));
    request.on('response', (response) => {
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', (error: NodeJS.ErrnoException) => finish(0, error.code ?? error.message));
      response.on('end', () => finish(response.statusCode ?? 0));
    });
    request.end(body);
  });
}

function picker(scenario: readonly LoadRequest[], random: () => number): () => LoadRequest {
  const total = scenario.reduce((sum, { weight }) => sum + weight, 0);
  return () => {
    let left = random() * total;
    for (const request of scenario) {
      left -= request.weight;
      if (left < 0) return request;
    }
    return scenario[scenario.length - 1] as LoadRequest;
  };
}
