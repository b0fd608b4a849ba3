/** Spans of requests, where tracing is configured (./openTracing.ts). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isUnlogged } from './health.ts';
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
 * Log lines of a request carry its trace, its caller's where it is not traced itself. The response to a traced one names its span
 * in `traceresponse`.
 */
export function traceRequests(app: FastifyInstance, tracing: Tracing | null): void {
  app.decorateRequest('span', null);
  app.addHook('onRequest', async (request, reply) => {
    if (tracing !== null && !isUnlogged(request)) {
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
