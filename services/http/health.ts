import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, for people; also of a service that is ready all the same. */
  readonly reason?: string | undefined;
  /** It has been told to stop. */
  readonly stopping?: boolean;
}

/** Of a service that has been told to stop. */
export const stopping: Readiness = { ready: false, stopping: true, reason: 'The service stops' };

declare module 'fastify' {
  interface FastifyContextConfig {
    /** For orchestrators: served whatever the key, the host, the rate and the load, since a restart does not help a busy process. */
    readonly health?: boolean;
    /** Requested every few seconds by machines: neither logged nor traced. */
    readonly unlogged?: boolean;
  }
}

export const healthRoute = { config: { health: true, unlogged: true } } as const;

export function isHealth({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config?.health === true;
}

export function isUnlogged({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.config?.unlogged === true;
}

/** `GET /livez` while the process responds, `GET /readyz` (200 or 503) while it can do its work. */
export function healthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  const alive = Type.Object({ status: Type.Literal('alive') });
  const ready = Type.Object({ status: Type.Literal('ready'), reason: Type.Optional(Type.String()) });
  const notReady = Type.Object({ status: Type.Literal('not_ready'), reason: Type.String() });
  app.get(
    '/livez',
    { ...healthRoute, schema: { tags: ['health'], summary: 'Alive', response: { 200: alive } } },
    async () => ({
      status: 'alive',
    }),
  );
  app.get(
    '/readyz',
    { ...healthRoute, schema: { tags: ['health'], summary: 'Ready', response: { 200: ready, 503: notReady } } },
    async (_request, reply) => {
      const { ready: isReady, reason } = readiness();
      if (isReady) return { status: 'ready', reason };
      return reply.code(503).send({ status: 'not_ready', reason: reason ?? 'Starting' });
    },
  );
}
