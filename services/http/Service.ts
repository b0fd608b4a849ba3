import type { FastifyInstance } from 'fastify';

/** A service is what clients see, and what its operators see at another address. */
export interface Service {
  readonly app: FastifyInstance;
  readonly management: FastifyInstance;
}

/** Whether the service is about to stop: it is not ready any more, and still serves requests. */
export interface StopNotice {
  announced: boolean;
}
