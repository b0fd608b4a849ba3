/** Chooses a service and starts it: `node services/main.ts inference service.port=8000`. `autobird serve` calls this. */
import cluster from 'node:cluster';
import { lookup } from 'node:dns/promises';
import { parseArgs } from 'node:util';
import type { FastifyBaseLogger } from 'fastify';
import { AutobirdError, composeConfig, type ServiceConfig } from '../src/index.ts';
import { announceReady, superviseWorkers } from './cluster.ts';
import { composeDriftConfig } from './drift/config.ts';
import { createDriftService } from './drift/createDriftService.ts';
import { createLogger } from './http/logging.ts';
import type { Service, StopNotice } from './http/Service.ts';
import { TerminalLog } from './http/terminalLog.ts';
import { createInferenceService } from './inference/createInferenceService.ts';
import { stopGracefully } from './stopGracefully.ts';

/** A service that only has to be made, and the ports it is for. */
interface Prepared {
  readonly service: ServiceConfig;
  readonly port: number;
  readonly managementPort: number | null;
  /** The settings that these ports are. */
  readonly portSettings: { readonly port: string; readonly managementPort: string };
  /** Of the page for people. */
  readonly page: string;
  /** Processes that share the port. */
  readonly workers: number;
  readonly create: (logger: FastifyBaseLogger, stopNotice: StopNotice) => Promise<Service>;
}

type Prepare = (overrides: readonly string[], options: { readonly configDir: readonly string[] }) => Prepared;

const services: Readonly<Record<string, Prepare>> = {
  inference(overrides, options) {
    const { service } = composeConfig(overrides, { groups: ['service'], ...options }).config;
    const { port, management } = service;
    const create: Prepared['create'] = (...given) => createInferenceService(service, ...given);
    return {
      service,
      port,
      managementPort: management.port,
      portSettings: { port: 'service.port', managementPort: 'service.management.port' },
      page: service.web.enabled ? '/app/' : '/docs',
      workers: service.workers,
      create,
    };
  },
  drift(overrides, options) {
    const config = composeDriftConfig(overrides, options);
    const { port, managementPort } = config.drift.monitor;
    const create: Prepared['create'] = (...given) => createDriftService(config, ...given);
    const portSettings = { port: 'drift.monitor.port', managementPort: 'drift.monitor.management_port' };
    return { service: config.service, port, managementPort, portSettings, page: '/docs', workers: 1, create };
  },
};

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { 'config-dir': { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const [name = '', ...overrides] = positionals;
  const prepare = services[name];
  if (prepare === undefined) {
    throw new AutobirdError('usage', `Expected a service (${Object.keys(services).join(', ')}) but received ${name}`);
  }
  const prepared = prepare(overrides, { configDir: values['config-dir'] ?? [] });
  const { service, port, managementPort, portSettings, page, workers, create } = prepared;
  const { logFormat } = service;
  const isText = logFormat === 'auto' ? process.stdout.isTTY : logFormat === 'text';
  const terminalLog = isText ? new TerminalLog((text) => process.stdout.write(text)) : undefined;
  if (terminalLog) process.on('exit', () => terminalLog.open()); // where the start fails, what waits is shown
  const logger = createLogger(service.logLevel, terminalLog);
  const { shutdownS, lameDuckS } = service;
  if (workers > 1 && cluster.isPrimary) return superviseWorkers({ workers, shutdownS, logger });
  const stopNotice: StopNotice = { announced: false };
  const { app, management } = await create(logger, stopNotice);
  const announce = () => {
    stopNotice.announced = true;
  };
  // Stops accepting, finishes what has begun, then lets go of models and files.
  stopGracefully({ delayMs: 1000 * shutdownS, lameDuck: { ms: 1000 * lameDuckS, announce }, logger }, async () => {
    // Health and metrics are there until the last request has ended.
    await app.close();
    await management.close();
  });
  const [host, managementHost] = await Promise.all([oneAddress(service.host), oneAddress(service.management.host)]);
  if (managementPort !== null) {
    await listenAt(portSettings.managementPort, () =>
      management.listen({ host: managementHost, port: managementPort }),
    );
  }
  const address = await listenAt(portSettings.port, () => app.listen({ host, port, backlog: 4096 }));
  if (terminalLog && (cluster.worker?.id ?? 1) === 1) {
    process.stdout.write(`Open ${address.replace('//0.0.0.0', '//127.0.0.1')}${page}   (Ctrl-C ends it)\n`);
  }
  terminalLog?.open();
  announceReady();
}

/** Listens at a port; where it cannot, the error names the setting of the port. */
async function listenAt(setting: string, listen: () => Promise<string>): Promise<string> {
  try {
    return await listen();
  } catch (error) {
    const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: `Another program is at ${address}:${port}: choose another port with ${setting}=PORT, or end that program`,
      EACCES: `This user may not listen at ${address}:${port}: choose a port from 1024 on with ${setting}=PORT`,
      EADDRNOTAVAIL: `This machine has no address ${address}: give one of its own with --host, 127.0.0.1 or 0.0.0.0`,
    };
    const reason = reasons[code ?? ''];
    if (reason === undefined) throw error;
    const none = setting.includes('management') ? `, or have none with ${setting}=null` : ' (or --port PORT)';
    throw new AutobirdError('cannot_listen', `${reason}${code === 'EADDRNOTAVAIL' ? '' : none}`, { cause: error });
  }
}

/** Of `localhost`, for which Fastify would make two servers, the second without our limits and hooks: the IPv4 one if there is one. */
async function oneAddress(host: string): Promise<string> {
  return host === 'localhost' ? (await lookup(host, { verbatim: false })).address : host;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof AutobirdError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
