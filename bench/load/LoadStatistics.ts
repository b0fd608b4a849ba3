/** What happened to the requests, by name and by second. */
import { LatencyHistogram } from './LatencyHistogram.ts';

export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** Since the measured part began; the instant it was due, not the one it was sent. */
  readonly dueS: number;
  readonly latencyMs: number;
  readonly bytes: number;
  /** Why it counts as failed: `HTTP 503`, `ECONNRESET`, `timeout`. */
  readonly error?: string;
}

export class Tally {
  readonly latency = new LatencyHistogram();
  failures = 0;
  bytes = 0;

  record(request: RequestRecord): void {
    this.latency.record(request.latencyMs);
    this.bytes += request.bytes;
    if (request.error !== undefined) this.failures++;
  }

  add(other: Tally): void {
    this.latency.add(other.latency);
    this.failures += other.failures;
    this.bytes += other.bytes;
  }
}

export interface Failure {
  readonly method: string;
  readonly path: string;
  readonly error: string;
  occurrences: number;
  readonly firstSeen: Date;
  lastSeen: Date;
}

export class LoadStatistics {
  readonly all = new Tally();
  /** By `METHOD path`. */
  readonly byName = new Map<string, { readonly method: string; readonly path: string; readonly tally: Tally }>();
  /** By the second in which the response came, for the history. */
  readonly bySecond = new Map<number, Tally>();
  readonly failures = new Map<string, Failure>();

  record(request: RequestRecord): void {
    const { method, path, error } = request;
    const name = `${method} ${path}`;
    const entry = this.byName.get(name) ?? { method, path, tally: new Tally() };
    this.byName.set(name, entry);
    entry.tally.record(request);
    this.all.record(request);

    const second = Math.max(0, Math.floor(request.dueS + request.latencyMs / 1000));
    const tally = this.bySecond.get(second) ?? new Tally();
    this.bySecond.set(second, tally);
    tally.record(request);

    if (error === undefined) return;
    const now = new Date();
    const key = `${name} ${error}`;
    const failure = this.failures.get(key);
    if (failure === undefined) {
      this.failures.set(key, { method, path, error, occurrences: 1, firstSeen: now, lastSeen: now });
    } else {
      failure.occurrences++;
      failure.lastSeen = now;
    }
  }
}
