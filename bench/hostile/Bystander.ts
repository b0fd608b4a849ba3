/**
 * A well-behaved client beside the attack, in a process of its own: a recording of five seconds every 200 ms, whether or not the
 * last one was answered, and how long each takes from the instant it was due.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chirpWav } from '../../test/helpers/tinyModel.ts';
import { LatencyHistogram } from '../load/LatencyHistogram.ts';

export interface BystanderReport {
  readonly requests: number;
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const everyMs = 200;

export class Bystander {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when its first request was answered. */
  static async start(port: number): Promise<Bystander> {
    const child = fork(fileURLToPath(import.meta.url), [String(port)]);
    await once(child, 'message');
    return new Bystander(child);
  }

  async stop(): Promise<BystanderReport> {
    this.#child.send('stop');
    const [report] = (await once(this.#child, 'message')) as [BystanderReport];
    return report;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await stroll(Number(process.argv[2]));

async function stroll(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const body = chirpWav(5);
  const latency = new LatencyHistogram();
  let failures = 0;
  const one = (dueMs: number) =>
    new Promise<void>((resolve) => {
      const finish = (ok: boolean) => {
        if (ok) latency.record(performance.now() - dueMs);
        else failures++;
        resolve();
      };
      const headers = { 'content-type': 'audio/wav', 'content-length': body.byteLength };
      request(
        { agent, port, host: '127.0.0.1', method: 'POST', path: '/classify', headers, timeout: 60_000 },
        (answer) => {
          answer.resume();
          answer.on('end', () => finish(answer.statusCode === 200));
          answer.on('error', () => finish(false));
        },
      )
        .on('error', () => finish(false))
        .end(body);
    });
  await one(performance.now());
  process.send?.('begun');
  const open: Promise<void>[] = [];
  const timer = setInterval(() => open.push(one(performance.now())), everyMs);
  await once(process, 'message');
  clearInterval(timer);
  await Promise.all(open);
  agent.destroy();
  const report: BystanderReport = {
    requests: open.length,
    failures,
    p50Ms: latency.percentileMs(0.5),
    p99Ms: latency.percentileMs(0.99),
    maxMs: latency.maxMs,
  };
  process.send?.(report);
  process.disconnect();
}
