/** The inference service as users start it, in a process that may die. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMiB } from '../memory.ts';

const main = `${import.meta.dirname}/../../services/main.ts`;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class ServiceProcess {
  readonly port: number;
  readonly managementPort: number;
  /** Of its models (`models/`), its prediction log (`log.db`) and what it says (`service.log`). */
  readonly dir: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, managementPort: number, port: number, dir: string) {
    this.dir = dir;
    this.#child = child;
    this.managementPort = managementPort;
    this.port = port;
  }

  /** @throws Error with its own words where it ends, or does not listen within a minute */
  static async start(dir: string, settings: readonly string[] = []): Promise<ServiceProcess> {
    const path = `${dir}/service.log`;
    const begun = (await readFile(path, 'utf8').catch(() => '')).length;
    const out = openSync(path, 'a');
    const words = [
      ...['inference', 'service.port=0', 'service.management.port=0', `service.models_dir=${dir}/models`],
      ...[`service.log.path=${dir}/log.db`, 'service.max_connections=12000', 'service.reload_s=0.5', ...settings],
    ];
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], { stdio: ['ignore', out, out] });
    closeSync(out);
    running.add(child);
    child.once('exit', () => running.delete(child));
    const saidSoFar = async () => (await readFile(path, 'utf8')).slice(begun);
    for (let i = 0; i < 1200 && running.has(child); i++) {
      // The port for operators is there first. A port has a line an address.
      const lines = (await saidSoFar()).matchAll(/listening at http:\/\/[\d.]+:(\d+)/g);
      const [managementPort, port] = [...new Set([...lines].map(([, digits]) => Number(digits)))];
      if (managementPort !== undefined && port !== undefined) {
        return new ServiceProcess(child, managementPort, port, dir);
      }
      await sleep(50);
    }
    child.kill('SIGKILL');
    throw new Error(`The service did not start:\n${await saidSoFar()}`);
  }

  /** Of the first process, where there are several. */
  get pid(): number {
    return this.#child.pid as number;
  }

  get alive(): boolean {
    return running.has(this.#child);
  }

  /** Resident memory of all its processes, MiB; 0 when it is dead. */
  memoryMiB(): number {
    return Math.round(residentMiB(this.pid));
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!this.alive) return;
    this.#child.kill(signal);
    await once(this.#child, 'exit');
  }
}
