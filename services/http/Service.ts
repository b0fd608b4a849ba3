import type { FastifyInstance } from 'fastify';

/** A service is what clients see, and what its operators see at another address. */
export interface Service {
  readonly app: FastifyInstance;
  readonly management: FastifyInstance;
}
