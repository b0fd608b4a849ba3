/** Metrics, the log and models, for operators: at an address of its own, which clients do not reach. */
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { packageVersion } from '../../src/service.ts';
import { createApp } from '../http/createApp.ts';
import type { InferenceContext } from './context.ts';
import { deletingLogRoutes, readingLogRoutes } from './routes/log.ts';

export async function createManagementApp(
  context: InferenceContext,
  logger: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const { models, readiness, metrics, peers, config } = context;
  const app = await createApp({
    info: {
      title: 'autobird management',
      description: 'Metrics, the prediction log and models. Not for clients.',
      version: packageVersion(),
    },
    logger,
    readiness,
    security: config,
    audience: 'operators',
  });
  app.get(
    '/metrics',
    { config: { role: 'metrics', unlogged: true }, schema: { tags: ['metrics'], summary: 'For Prometheus' } },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await peers.metrics()),
  );
  app.post(
    '/v1/models/refresh',
    { schema: { tags: ['models'], summary: 'Look at the files of models now' } },
    async () => {
      peers.refresh();
      await models.refresh();
      return { ready: models.ready };
    },
  );
  readingLogRoutes(app, context.history);
  deletingLogRoutes(app, context.history);
  return app;
}
