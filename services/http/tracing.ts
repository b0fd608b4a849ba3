/** Spans of requests, for those who ask for them: the SDK is loaded only then. */
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AutobirdError, type ServiceConfig } from '../../src/index.ts';
import { type TraceContext, traceContextOf, traceFields } from './traceContext.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** The span of a request while it lasts. */
export interface RequestSpan extends TraceContext {
  /** A part of the request that is over; times are those of performance.now(). */
  stage(name: string, beginMs: number, endMs: number, attributes?: SpanAttributes): void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null where requests are not traced, and for those that are too frequent to be. */
    span: RequestSpan | null;
  }
}

export interface Tracing {
  /** Begins the span of a request; it ends with the connection's part in it. */
  begin(request: FastifyRequest, reply: FastifyReply): RequestSpan;
  /** Sends what waits. */
  close(): Promise<void>;
}

/**
 * Sends spans to an OpenTelemetry collector as the configuration says; null without an endpoint.
 *
 * @throws AutobirdError `config` for an endpoint that is no address
 */
export async function openTracing(
  { otlpEndpoint, sampleRatio }: ServiceConfig['tracing'],
  serviceName: string,
  logger: FastifyBaseLogger,
): Promise<Tracing | null> {
  if (otlpEndpoint === null || otlpEndpoint === '') return null;
  if (!/^https?:/.test(otlpEndpoint) || !URL.canParse(otlpEndpoint)) {
    throw new AutobirdError(
      'config',
      `Expected http://HOST:4318 or https://… for service.tracing.otlp_endpoint but received ${otlpEndpoint}`,
    );
  }
  const { OpenTelemetry } = await import('./OpenTelemetry.ts');
  return new OpenTelemetry(new URL(otlpEndpoint), sampleRatio, serviceName, logger);
}

/**
 * Log lines of a request carry its trace, its caller's where it is not traced itself. A traced one's answer names its span
 * in `traceresponse`.
 */
export function traceRequests(app: FastifyInstance, tracing: Tracing | null): void {
  app.decorateRequest('span', null);
  app.addHook('onRequest', async (request, reply) => {
    // What is too frequent to be logged (health, metrics) is not traced either.
    if (tracing !== null && request.routeOptions.logLevel !== 'warn') {
      request.span = tracing.begin(request, reply);
      const { traceId, spanId, sampled } = request.span;
      reply.header('traceresponse', `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`);
    }
    const context = request.span ?? traceContextOf(request.headers);
    if (context === null) return;
    const log = request.log.child(traceFields(context));
    request.log = log;
    reply.log = log;
  });
}
