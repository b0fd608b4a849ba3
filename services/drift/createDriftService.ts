import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { packageVersion } from '../../src/service.ts';
import { createApp } from '../http/createApp.ts';
import type { Readiness } from '../http/health.ts';
import { type SecurityConfig, warnWhereOpen } from '../http/protect.ts';
import { measureRequests } from '../http/requestMetrics.ts';
import type { Service, StopNotice } from '../http/Service.ts';
import type { DriftServiceConfig } from './config.ts';
import { DriftMetrics } from './DriftMetrics.ts';
import { DriftMonitor } from './DriftMonitor.ts';
import { DriftState } from './DriftState.ts';
import { EvaluatorProcess } from './EvaluatorProcess.ts';
import { driftRoutes } from './routes/drift.ts';
import { originalRoutes } from './routes/original.ts';

/** The drift service, ready to listen: it has looked at both sides once, or says what is missing. */
export async function createDriftService(
  config: DriftServiceConfig,
  logger: FastifyBaseLogger,
  stopNotice?: StopNotice,
): Promise<Service> {
  const { drift, service } = config;
  warnWhereOpen(service, logger);
  const state = await DriftState.open(drift.monitor.state, drift.monitor.keepWindows);
  const monitor = new DriftMonitor(drift, new EvaluatorProcess(config), state, logger);
  const metrics = new DriftMetrics(monitor, logger);
  const readiness = (): Readiness =>
    monitor.sides === null ? { ready: false, reason: monitor.missing } : { ready: true };
  const app = await createApp({
    info: {
      title: 'autobird drift',
      description: 'Says whether recordings still sound like those that a model was trained on.',
      version: packageVersion(),
    },
    logger,
    readiness,
    security: service,
    ...(stopNotice && { stopNotice }),
  });
  app.addHook('onClose', async () => monitor.close());
  measureRequests(app, metrics.registry);
  originalRoutes(app, monitor);
  driftRoutes(app, monitor, drift.alarm);
  await monitor.start();
  return { app, management: await managementApp(metrics, service, logger, readiness) };
}

async function managementApp(
  { registry }: DriftMetrics,
  security: SecurityConfig,
  logger: FastifyBaseLogger,
  readiness: () => Readiness,
): Promise<FastifyInstance> {
  const app = await createApp({
    info: { title: 'autobird drift management', description: 'Metrics. Not for clients.', version: packageVersion() },
    logger,
    readiness,
    security,
    audience: 'operators',
  });
  app.get(
    '/metrics',
    { config: { role: 'metrics', unlogged: true }, schema: { tags: ['metrics'], summary: 'For Prometheus' } },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  );
  return app;
}
