/**
 * What stands before every route, in this order: connections, hosts, origins, who requests, how often, is there room, may they. All of
 * it looks at the headers only: a request that is refused here costs no byte of its body.
 */
import { fastifyCors } from '@fastify/cors';
import { fastifyRateLimit } from '@fastify/rate-limit';
import { fastifyUnderPressure } from '@fastify/under-pressure';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { ServiceConfig } from '../../src/index.ts';
import { authConfigured, openAuthentication } from './auth/authenticate.ts';
import { clientKey } from './clientKey.ts';
import { handleExpectContinue } from './expectContinue.ts';
import { HttpProblem } from './HttpProblem.ts';
import { isHealth } from './health.ts';
import { isLoopback, refuseForeignHosts } from './hosts.ts';
import { endSilentConnections } from './longRequests.ts';

/** The part of the configuration that says who may do what, and how much of it. */
export type SecurityConfig = Pick<
  ServiceConfig,
  | 'host'
  | 'management'
  | 'hosts'
  | 'auth'
  | 'rateLimit'
  | 'cors'
  | 'trustProxy'
  | 'maxConnections'
  | 'pressure'
  | 'limits'
  | 'docs'
  | 'reloadS'
>;

/** Clients share what there is; operators look at a service that is in trouble, and change it. */
export type Audience = 'clients' | 'operators';

/** How much longer than its work a connection may be silent; more than the 72 s between two requests. */
const silenceS = 75;

/** @throws AutobirdError where keys or tokens are configured and cannot be checked */
export async function protect(app: FastifyInstance, config: SecurityConfig, audience: Audience): Promise<void> {
  app.server.maxConnections = config.maxConnections;
  // A client that does not read its response: nothing moves on its connection. Node gives a response that waits the time twice.
  // While a recording is predicted nothing moves either.
  endSilentConnections(app.server, 1000 * (config.limits.deadlineS + silenceS));
  handleExpectContinue(app);
  app.decorateRequest('client', null);
  refuseForeignHosts(app, config, audience === 'clients' ? config.host : config.management.host);
  if (audience === 'clients' && config.cors.origins.length > 0) await allowOrigins(app, config.cors.origins);
  const authentication = authConfigured(config.auth)
    ? await openAuthentication(app, config.auth, {
        reloadS: config.reloadS,
        role: audience === 'operators' ? 'manage' : undefined,
      })
    : null;
  if (authentication !== null) app.addHook('onRequest', authentication.identify);
  if (audience === 'clients') {
    await limitRates(app, config.rateLimit);
    await refuseUnderPressure(app, config.pressure);
  }
  if (authentication !== null) app.addHook('onRequest', authentication.authorize);
}

async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  await app.register(fastifyCors, {
    origin: origins.includes('*') ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['authorization', 'content-type', 'x-api-key', 'x-request-id'],
    exposedHeaders: ['x-request-id', 'retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'],
    // Keys are sent by scripts; no browser adds a cookie of ours.
    credentials: false,
    maxAge: 600,
    strictPreflight: false,
  });
}

async function limitRates(app: FastifyInstance, { max, windowS }: SecurityConfig['rateLimit']): Promise<void> {
  if (max === null) return;
  await app.register(fastifyRateLimit, {
    global: false,
    enableDraftSpec: true,
    max,
    timeWindow: 1000 * windowS,
    keyGenerator: clientKey,
    allowList: (request: FastifyRequest) => isHealth(request),
    errorResponseBuilder: () =>
      new HttpProblem(
        429,
        'rate_limited',
        `At most ${max} requests in ${windowS} s are served: try again when Retry-After says`,
      ),
  });
  // As a hook of the application it stands behind `identify`, and counts unknown paths too.
  app.addHook('onRequest', app.rateLimit());
}

async function refuseUnderPressure(
  app: FastifyInstance,
  { maxEventLoopDelayMs, maxRssBytes }: SecurityConfig['pressure'],
): Promise<void> {
  if (maxEventLoopDelayMs === null && maxRssBytes === null) return;
  await app.register(fastifyUnderPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs ?? 0,
    maxRssBytes: maxRssBytes ?? 0,
    pressureHandler: async (request: FastifyRequest) => {
      if (isHealth(request)) return;
      throw new HttpProblem(503, 'overloaded', 'The service is busy: try again in a moment', { retryAfterS: 2 });
    },
  });
}

/** Says in the log when an address that others reach is open to everybody. */
export function warnWhereOpen(config: ServiceConfig, logger: FastifyBaseLogger): void {
  if (authConfigured(config.auth)) return;
  const { host, management } = config;
  const open = [
    ...(isLoopback(host) ? [] : [{ host, what: 'Everybody who reaches it may predict' }]),
    ...(management.port === null || isLoopback(management.host)
      ? []
      : [{ host: management.host, what: 'Everybody who reaches the management address may read and delete the log' }]),
  ];
  for (const { host: address, what } of open) {
    logger.warn(
      { host: address },
      `${what}: no keys are configured (service.auth). Make one with autobird key, or let a proxy authenticate clients`,
    );
  }
}
