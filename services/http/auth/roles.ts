/** The client of a request, and what it may do. */
import type { ServiceConfig } from '../../../src/index.ts';

export type AuthConfig = ServiceConfig['auth'];
export type Role = AuthConfig['keys'][number]['roles'][number];

/** A client whose key or token was good. */
export interface Client {
  /** Of the key, or `token:` and the token's `sub`: for logs and rate limits. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null for a client that gave no key or token, or none that is good. */
    client: Client | null;
  }
  interface FastifyContextConfig {
    /** The role that the route needs; default by its method. */
    readonly role?: Role;
  }
}
