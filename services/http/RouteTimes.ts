import type { Registry } from 'prom-client';
import { addAt } from '../../src/service.ts';
import { histogramSamples, registerSnapshot } from './snapshotMetric.ts';

interface Times {
  readonly method: string;
  readonly route: string;
  /** Responses by status. */
  readonly statuses: Map<number, number>;
  /** Of each bucket alone, and beyond the last. */
  readonly counts: number[];
  sumS: number;
}

/** Counts and times requests by method, route and status: two look-ups and two additions a request. */
export class RouteTimes {
  readonly #boundsS: readonly number[];
  readonly #routes = new Map<string, Map<string, Times>>();

  /** @param boundsS where buckets end, in seconds */
  constructor(boundsS: readonly number[]) {
    this.#boundsS = boundsS;
  }

  add(method: string, route: string, status: number, seconds: number): void {
    const times = this.#of(method, route);
    times.statuses.set(status, (times.statuses.get(status) ?? 0) + 1);
    let bucket = 0;
    while (bucket < this.#boundsS.length && seconds > (this.#boundsS[bucket] as number)) bucket++;
    addAt(times.counts, bucket, 1);
    times.sumS += seconds;
  }

  register(registry: Registry, names: { readonly requests: string; readonly seconds: string }): void {
    registerSnapshot(registry, {
      name: names.requests,
      help: 'Served requests',
      type: 'counter',
      values: () =>
        this.#all().flatMap(({ method, route, statuses }) =>
          [...statuses].map(([status, value]) => ({ labels: { method, route, status }, value })),
        ),
    });
    registerSnapshot(registry, {
      name: names.seconds,
      help: 'From the headers of a request to the last byte of its response',
      type: 'histogram',
      values: () =>
        this.#all().flatMap(({ method, route, counts, sumS }) =>
          histogramSamples(names.seconds, { method, route }, this.#boundsS, counts, sumS),
        ),
    });
  }

  #of(method: string, route: string): Times {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    let times = methods.get(method);
    if (times === undefined) {
      times = { method, route, statuses: new Map(), counts: new Array(this.#boundsS.length + 1).fill(0), sumS: 0 };
      methods.set(method, times);
    }
    return times;
  }

  #all(): Times[] {
    return [...this.#routes.values()].flatMap((methods) => [...methods.values()]);
  }
}
