/** Spans by OpenTelemetry's SDK, sent as OTLP over HTTP. Names are those of its semantic conventions for HTTP servers. */
import { randomUUID } from 'node:crypto';
import {
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { packageVersion } from '../../src/service.ts';
import { type TraceContext, traceContextOf } from './traceContext.ts';
import type { RequestSpan, SpanAttributes, Tracing } from './tracing.ts';

const tracesPath = '/v1/traces';
/** A collector that does not respond must not keep a service from ending. */
const closeMs = 2_000;

export class OpenTelemetry implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  /** `endpoint`: of the collector, with or without `/v1/traces`; `sampleRatio`: of the requests whose caller has not decided. */
  constructor(endpoint: URL, sampleRatio: number, serviceName: string, logger: FastifyBaseLogger) {
    const url = new URL(endpoint);
    if (!url.pathname.endsWith(tracesPath)) url.pathname = url.pathname.replace(/\/?$/, tracesPath);
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': serviceName,
        'service.version': packageVersion(),
        'service.instance.id': randomUUID(),
      }).merge(detectResources({ detectors: [envDetector] })),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
      spanProcessors: [
        new BatchSpanProcessor({ exporter: reporting(new OTLPTraceExporter({ url: url.href }), logger) }),
      ],
    });
    this.#tracer = this.#provider.getTracer('autobird', packageVersion());
  }

  begin(request: FastifyRequest, reply: FastifyReply): RequestSpan {
    const { method, headers, raw } = request;
    const route = request.routeOptions.url;
    const span = this.#tracer.startSpan(
      route === undefined ? method : `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'http.route': route,
          'url.scheme': request.protocol,
          'url.path': request.url.split('?', 1)[0],
          'server.address': request.hostname,
          'client.address': request.ip,
          'network.protocol.version': raw.httpVersion,
          'user_agent.original': headers['user-agent'],
          'autobird.request_id': request.id,
        },
      },
      parentOf(traceContextOf(headers)),
    );
    const traced = new ServerSpan(this.#tracer, span);
    // Also where the client has gone and there is no response.
    reply.raw.once('close', () => traced.end(reply.raw.writableFinished ? reply.statusCode : null));
    return traced;
  }

  async close(): Promise<void> {
    await Promise.race([
      this.#provider.shutdown().catch(() => {}),
      new Promise((resolve) => setTimeout(resolve, closeMs).unref()),
    ]);
  }
}

class ServerSpan implements RequestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  readonly state = null;
  readonly #tracer: Tracer;
  readonly #span: Span;

  constructor(tracer: Tracer, span: Span) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.sampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.#tracer = tracer;
    this.#span = span;
  }

  stage(name: string, beginMs: number, endMs: number, attributes: SpanAttributes = {}): void {
    if (!this.sampled) return;
    const parent = trace.setSpan(ROOT_CONTEXT, this.#span);
    this.#tracer.startSpan(name, { startTime: instant(beginMs), attributes }, parent).end(instant(endMs));
  }

  end(status: number | null): void {
    if (status === null) {
      this.#span.setAttribute('error.type', 'aborted');
    } else {
      this.#span.setAttribute('http.response.status_code', status);
      // What a client did wrong is no failure of the server.
      if (status >= 500)
        this.#span.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** Of performance.now(). */
function instant(ms: number): Date | number {
  return performance.timeOrigin + ms;
}

function parentOf(caller: TraceContext | null): Context {
  if (caller === null || caller.spanId === null) return ROOT_CONTEXT;
  const { traceId, spanId, sampled, state } = caller;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state !== null && { traceState: createTraceState(state) }),
  });
}

/** Says once that spans do not arrive, and once that they do again: the SDK keeps it to itself. */
function reporting(exporter: OTLPTraceExporter, logger: FastifyBaseLogger): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== 0;
        if (failed && !failing) logger.warn({ err: result.error }, 'Spans are lost: the collector does not take them');
        if (!failed && failing) logger.info('The collector takes spans again');
        failing = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}
