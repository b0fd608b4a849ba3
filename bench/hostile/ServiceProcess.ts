/** The inference service as users start it, in a process that may die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const main = `${import.meta.dirname}/../../services/main.ts`;

export class ServiceProcess {
  readonly port: number;
  readonly managementPort: number;
  /** Of its log and its models. */
  readonly dir: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, managementPort: number, port: number, dir: string) {
    this.dir = dir;
    this.#child = child;
    this.managementPort = managementPort;
    this.port = port;
  }

  /** Its log goes to `${dir}/service.log`. @throws where it does not listen within a minute */
  static async start(dir: string, overrides: readonly string[]): Promise<ServiceProcess> {
    const path = `${dir}/service.log`;
    const begun = (await readFile(path, 'utf8').catch(() => '')).length;
    const out = openSync(path, 'a');
    const words = ['inference', 'service.port=0', 'service.management.port=0', ...overrides];
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], { stdio: ['ignore', out, out] });
    for (let i = 0; i < 1200 && child.exitCode === null; i++) {
      const text = (await readFile(path, 'utf8')).slice(begun);
      // The port for operators is there first. A port has a line an address.
      const ports = new Set([...text.matchAll(/listening at http:\/\/[\d.]+:(\d+)/g)].map(([, port]) => Number(port)));
      const [managementPort, port] = [...ports];
      if (managementPort !== undefined && port !== undefined) {
        return new ServiceProcess(child, managementPort, port, dir);
      }
      await sleep(50);
    }
    child.kill('SIGKILL');
    throw new Error(`The service did not start:\n${await readFile(path, 'utf8')}`);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory, MiB; 0 when it is dead. */
  async memoryMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8').catch(() => '');
    return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.alive) return;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
  }
}
