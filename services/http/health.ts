import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, for people. */
  readonly reason?: string | undefined;
}

/** For routes that machines ask every few seconds: their requests are not logged. */
export const quiet = { logLevel: 'warn' } as const;

/** `GET /livez` while the process answers, `GET /readyz` (200 or 503) while it can do its work. */
export function healthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  const alive = Type.Object({ status: Type.Literal('alive') });
  const ready = Type.Object({ status: Type.Literal('ready') });
  const notReady = Type.Object({ status: Type.Literal('not_ready'), reason: Type.String() });
  app.get(
    '/livez',
    { ...quiet, schema: { tags: ['health'], summary: 'Alive', response: { 200: alive } } },
    async () => ({
      status: 'alive',
    }),
  );
  app.get(
    '/readyz',
    { ...quiet, schema: { tags: ['health'], summary: 'Ready', response: { 200: ready, 503: notReady } } },
    async (_request, reply) => {
      const { ready: isReady, reason = 'Starting' } = readiness();
      return isReady ? { status: 'ready' } : reply.code(503).send({ status: 'not_ready', reason });
    },
  );
}
