/**
 * A well-behaved client beside the attack, in a process of its own: a recording of five seconds every 200 ms, whether
 * or not there was a response to the last one, and how long each takes from the instant it was due.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { chirpWav } from '../../test/helpers/tinyModel.ts';
import { LatencyHistogram } from '../load/LatencyHistogram.ts';

export interface BystanderReport {
  readonly served: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const everyMs = 200;

export class Bystander {
  readonly #child: ChildProcess;
  readonly #errors: Promise<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#errors = text(child.stderr as NodeJS.ReadableStream);
  }

  /** Resolves when its first request was served. @throws Error with what the service responded where it was not */
  static async start(port: number): Promise<Bystander> {
    const child = fork(fileURLToPath(import.meta.url), [String(port)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    const bystander = new Bystander(child);
    await bystander.#message();
    return bystander;
  }

  async stop(): Promise<BystanderReport> {
    this.#child.send('stop');
    return (await this.#message()) as BystanderReport;
  }

  async #message(): Promise<unknown> {
    const waiting = new AbortController();
    const ended = once(this.#child, 'exit', waiting).then(async () => {
      throw new Error(`The bystander has ended: ${(await this.#errors).trim()}`);
    });
    const [message] = await Promise.race([once(this.#child, 'message', waiting), ended]).finally(() => {
      ended.catch(() => {});
      waiting.abort();
    });
    return message;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await sendUntilStopped(Number(process.argv[2]));
  } catch (error) {
    process.stderr.write((error as Error).message);
    process.exit(1);
  }
}

async function sendUntilStopped(port: number): Promise<void> {
  // The bench is gone, however it went: nobody would stop this process.
  process.once('disconnect', () => process.exit());
  const agent = new Agent({ keepAlive: true });
  const body = chirpWav(5);
  const headers = { 'content-type': 'audio/wav', 'content-length': body.byteLength };
  const path = '/classify';
  /** Null where it was served, else why not. */
  const send = async (): Promise<string | null> => {
    const client = request({ agent, port, host: '127.0.0.1', method: 'POST', path, headers, timeout: 60_000 });
    client.end(body);
    try {
      const [response] = (await once(client, 'response')) as [IncomingMessage];
      const content = await text(response);
      return response.statusCode === 200 ? null : `${response.statusCode} ${content}`;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const refused = await send();
  if (refused !== null) throw new Error(`its first request to port ${port} was not served: ${refused}`);
  process.send?.('begun');
  const latency = new LatencyHistogram();
  const requests: Promise<void>[] = [];
  let failed = 0;
  const sendDue = () => {
    const dueMs = performance.now();
    const record = (reason: string | null) => {
      if (reason === null) latency.record(performance.now() - dueMs);
      else failed++;
    };
    requests.push(send().then(record));
  };
  sendDue();
  const timer = setInterval(sendDue, everyMs);
  await once(process, 'message');
  clearInterval(timer);
  await Promise.all(requests);
  agent.destroy();
  const report: BystanderReport = {
    served: latency.count,
    failed,
    p50Ms: latency.percentileMs(0.5),
    p99Ms: latency.percentileMs(0.99),
    maxMs: latency.maxMs,
  };
  process.send?.(report);
  process.disconnect();
}
