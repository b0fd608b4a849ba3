/** A Fastify application with the manners that all services share: errors, logs, request ids, health, documentation, limits. */
import { randomUUID } from 'node:crypto';
import { fastifyAccepts } from '@fastify/accepts';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { authConfigured } from './auth/authenticate.ts';
import { handleErrors } from './errors.ts';
import { healthRoutes, isUnlogged, type Readiness, stopping } from './health.ts';
import { knowRoutes } from './knownRoutes.ts';
import { httpRequest, logsRequests } from './logging.ts';
import { handleClientError } from './longRequests.ts';
import { type ApiInfo, describeApi } from './openApi.ts';
import { type Audience, protect, type SecurityConfig } from './protect.ts';
import { RequestLogger } from './RequestLogger.ts';
import type { StopNotice } from './Service.ts';
import { securityHeaders } from './securityHeaders.ts';
import { type Tracing, traceRequests } from './tracing.ts';
import { WebSocketUpgrade } from './webSocketUpgrade.ts';

export interface AppOptions {
  readonly info: ApiInfo;
  readonly logger: FastifyBaseLogger;
  readonly readiness: () => Readiness;
  /** Default never. */
  readonly stopNotice?: StopNotice | undefined;
  readonly security: SecurityConfig;
  /** Whom the application is for. Default `clients`. */
  readonly audience?: Audience;
  /** Default none. */
  readonly tracing?: Tracing | null;
}

/** A client's own id is used when it is harmless in logs and headers. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

const routerOptions = { ignoreTrailingSlash: true, maxParamLength: 256 };

/** Larger JSON than this is nothing that our routes understand, and is parsed in no time; uploads have limits of their own. */
const maxJsonBytes = 2 ** 16;

export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { info, logger, readiness, security, audience = 'clients', tracing = null } = options;
  const { stopNotice = { announced: false } } = options;
  const { trustProxy } = security;
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    childLoggerFactory: (parent, bindings, options) => new RequestLogger(parent, bindings, options),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    routerOptions,
    bodyLimit: maxJsonBytes,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    // A body that trickles in, a header that never ends, a connection that says nothing.
    requestTimeout: 60_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 15_000, maxHeaderSize: 16_384, IncomingMessage: WebSocketUpgrade },
    clientErrorHandler: handleClientError,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    ajv: { customOptions: { allErrors: true, coerceTypes: true, removeAdditional: false } },
  });
  knowRoutes(app, routerOptions);
  await app.register(fastifyAccepts);
  handleErrors(app);
  // Hooks with callbacks: promises would be a good part of the work of a small response.
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(securityHeaders).header('x-request-id', request.id);
    // The next request on this connection would find it closed.
    if (stopNotice.announced) reply.header('connection', 'close');
    done();
  });
  traceRequests(app, tracing);
  if (logsRequests(logger)) {
    app.addHook('onResponse', (request, reply, done) => {
      if (!isUnlogged(request)) {
        const { url: route = null } = request.routeOptions;
        const client = request.client?.name;
        request.log.info({ route, client, httpRequest: httpRequest(request, reply) }, 'request');
      }
      done();
    });
  }
  closeConnections(app);
  await protect(app, security, audience);
  if (security.docs) await describeApi(app, info, authConfigured(security.auth));
  healthRoutes(app, () => (stopNotice.announced ? stopping : readiness()));
  return app;
}

/**
 * While the application closes, a connection is closed as soon as its last response is sent: Fastify closes those that are idle at the
 * beginning, and a client that keeps the others open would hold the service up.
 */
function closeConnections(app: FastifyInstance): void {
  app.addHook('preClose', (done) => {
    done();
    if (!app.server.listening) return;
    const timer = setInterval(() => app.server.closeIdleConnections(), 50);
    app.server.once('close', () => clearInterval(timer));
  });
}
