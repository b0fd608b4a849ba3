import type { FastifyInstance } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Seconds; fine where a service should be, coarse where it should not. */
export const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts and times every request of `app` by method, route pattern and status. */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'autobird_http_requests_total',
    help: 'Answered requests',
    labelNames,
    registers: [registry],
  });
  const latency = new Histogram({
    name: 'autobird_http_request_duration_seconds',
    help: 'From the headers of a request to the last byte of its answer',
    labelNames: ['method', 'route'] as const,
    buckets: latencyBuckets,
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    // A path that is no route is somebody's guess: a label for each would be a leak.
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    requests.inc({ method, route, status: reply.statusCode });
    latency.observe({ method, route }, reply.elapsedTime / 1000);
  });
}
