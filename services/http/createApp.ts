/** A Fastify application with the manners that all services share: errors, logs, request ids, health, documentation, limits. */
import { randomUUID } from 'node:crypto';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { answerErrors } from './errors.ts';
import { healthRoutes, quiet, type Readiness } from './health.ts';
import { traceFields } from './logging.ts';
import { type ApiInfo, describeApi } from './openApi.ts';
import { RequestLogger } from './RequestLogger.ts';
import { securityHeaders } from './securityHeaders.ts';

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
    childLoggerFactory: (parent, bindings, options) => new RequestLogger(parent, bindings, options),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 256 },
    bodyLimit: maxJsonBytes,
    // A body that trickles in, a header that never ends, a connection that says nothing.
    requestTimeout: 60_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    http: { headersTimeout: 15_000, maxHeaderSize: 16_384 },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    ajv: { customOptions: { allErrors: true, coerceTypes: true, removeAdditional: false } },
  });
  answerErrors(app);
  const security = await securityHeaders();
  // Hooks that call back instead of giving a promise: on a small answer they would be a good part of the work.
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(security).header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { url: route = null, logLevel } = request.routeOptions;
    // Not by `request.log`: with the id among its fields the line needs no logger of its own.
    if (logLevel !== quiet.logLevel) {
      logger.info(
        {
          requestId: request.id,
          method: request.method,
          route,
          status: reply.statusCode,
          latencyMs: Math.round(reply.elapsedTime * 1000) / 1000,
          ...traceFields(request),
        },
        'request',
      );
    }
    done();
  });
  await describeApi(app, info);
  healthRoutes(app, readiness);
  return app;
}
