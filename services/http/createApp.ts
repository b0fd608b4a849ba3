/** A Fastify application with the manners that all services share: errors, logs, request ids, health, documentation, limits. */
import { randomUUID } from 'node:crypto';
import { fastifyHelmet } from '@fastify/helmet';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { answerErrors } from './errors.ts';
import { healthRoutes, type Readiness } from './health.ts';
import { traceFields } from './logging.ts';
import { answerClientError } from './longUploads.ts';
import { type ApiInfo, describeApi } from './openApi.ts';
import { WebSocketUpgrade } from './webSocketUpgrade.ts';

export interface AppOptions {
  readonly info: ApiInfo;
  readonly logger: FastifyBaseLogger;
  readonly readiness: () => Readiness;
}

/** A client's own id is kept when it is harmless in logs and headers. */
const requestIdPattern = /^[\w.:-]{1,128}$/;

/** Larger JSON than this is nothing that our routes understand; uploads have limits of their own. */
const maxJsonBytes = 2 ** 20;

export async function createApp({ info, logger, readiness }: AppOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    bodyLimit: maxJsonBytes,
    // A body that trickles in, a header that never ends, a connection that says nothing.
    requestTimeout: 60_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 15_000, maxHeaderSize: 16_384, IncomingMessage: WebSocketUpgrade },
    clientErrorHandler: answerClientError,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    ajv: { customOptions: { allErrors: true, coerceTypes: true, removeAdditional: false } },
  });
  answerErrors(app);
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        objectSrc: ["'none'"],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
      },
    },
    // Behind a proxy that ends TLS the proxy says so; on a laptop it would lock the browser out.
    strictTransportSecurity: false,
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        latencyMs: Math.round(reply.elapsedTime * 1000) / 1000,
        ...traceFields(request),
      },
      'request',
    );
  });
  await describeApi(app, info);
  healthRoutes(app, readiness);
  return app;
}
