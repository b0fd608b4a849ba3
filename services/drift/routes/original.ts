/** The routes of the original drift service, byte for byte. */
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { DriftMonitor } from '../DriftMonitor.ts';
import { answered } from '../problem.ts';

const query = Type.Object({
  sample_n: Type.Optional(
    Type.Integer({ default: 0, description: 'So many current rows are drawn where there are more; 0 for all.' }),
  ),
});
type Query = Static<typeof query>;

/** The page brings its style along and nothing else. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

export function originalRoutes(app: FastifyInstance, monitor: DriftMonitor): void {
  const tags = ['original'];
  app.get(
    '/',
    { schema: { tags, summary: 'Root', response: { 200: Type.Object({ service: Type.String() }) } } },
    async () => ({ service: 'autobird-drift' }),
  );
  app.get<{ Querystring: Query }>(
    '/drift/run',
    {
      schema: {
        tags,
        summary: 'Has the dataset drifted?',
        querystring: query,
        response: {
          200: Type.Object({
            ok: Type.Literal(true),
            dataset_drift: Type.Boolean(),
            n_reference: Type.Integer(),
            n_current: Type.Integer(),
          }),
        },
      },
    },
    async ({ query: { sample_n: sampleN = 0 } }) => {
      const { datasetDrift, referenceRows, currentRows } = await answered(monitor.compare({ sampleN }));
      return { ok: true, dataset_drift: datasetDrift, n_reference: referenceRows, n_current: currentRows };
    },
  );
  app.get<{ Querystring: Query }>(
    '/drift/report',
    { schema: { tags, summary: 'The comparison as a page', querystring: query, produces: ['text/html'] } },
    async ({ query: { sample_n: sampleN = 0 } }, reply) => {
      const { page } = await answered(monitor.compare({ sampleN, page: true }));
      return reply.header('content-security-policy', pagePolicy).type('text/html; charset=utf-8').send(page);
    },
  );
}
