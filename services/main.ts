/** Chooses a service and starts it: `node services/main.ts inference service.port=8000`. `autobird serve` calls this. */
import cluster from 'node:cluster';
import { parseArgs } from 'node:util';
import closeWithGrace from 'close-with-grace';
import { AutobirdError, composeConfig } from '../src/index.ts';
import { announceReady, superviseWorkers } from './cluster.ts';
import { createLogger } from './http/logging.ts';
import { createInferenceService } from './inference/createInferenceService.ts';

const services = { inference: createInferenceService } as const;

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { 'config-dir': { type: 'string', multiple: true } },
    allowPositionals: true,
  });
  const [name, ...overrides] = positionals;
  const create = services[name as keyof typeof services];
  if (create === undefined) {
    throw new AutobirdError('usage', `Expected a service (${Object.keys(services).join(', ')}) but received ${name}`);
  }
  const configDir = values['config-dir'];
  const { service } = composeConfig(overrides, { groups: ['service'], ...(configDir && { configDir }) }).config;
  const logger = createLogger(service.logLevel);
  const { workers, shutdownS } = service;
  if (workers > 1 && cluster.isPrimary) return superviseWorkers({ workers, shutdownS, logger });
  const { app, management } = await create(service, logger);
  // Stops accepting, answers what has begun, then lets go of models and files.
  closeWithGrace({ delay: 1000 * shutdownS, logger }, async ({ signal, err }) => {
    if (err) logger.error({ err }, 'Stopping after an error');
    else logger.info({ signal }, 'Stopping');
    // Health and metrics are there until the last request has ended.
    await app.close();
    await management.close();
  });
  const { host, port } = service.management;
  if (port !== null) await management.listen({ host, port });
  await app.listen({ host: service.host, port: service.port, backlog: 4096 });
  announceReady();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof AutobirdError ? error.message : (error as Error).stack}\n`);
  process.exit(1);
}
