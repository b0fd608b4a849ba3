import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { RouteTimes } from './RouteTimes.ts';

/** Seconds; fine where a service should be, coarse where it should not. */
export const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts and times every request of `app` by method, route pattern and status. */
export function measureRequests(app: FastifyInstance, registry: Registry): void {
  const times = new RouteTimes(latencyBuckets);
  times.register(registry, {
    requests: 'autobird_http_requests_total',
    seconds: 'autobird_http_request_duration_seconds',
  });
  app.addHook('onResponse', (request, reply, done) => {
    // A path that is no route is somebody's guess: a label for each would be a leak.
    times.add(request.method, request.routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
}
