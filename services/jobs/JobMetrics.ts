import { Counter, Gauge, type Registry } from 'prom-client';
import type { JobCounts } from './Job.ts';

/** Metrics of jobs (docs/monitoring.md lists them). */
export class JobMetrics {
  /** Attempts of this process that have ended: `succeeded`, `failed`, `interrupted`. */
  readonly ended: Counter<'outcome'>;
  /** Seconds of sound that attempts of this process went through. */
  readonly audioS: Counter;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.ended = new Counter({
      name: 'autobird_job_attempts_total',
      help: 'Attempts at jobs that have ended in this process, by how they ended',
      labelNames: ['outcome'],
      registers: [registry],
    });
    this.audioS = new Counter({
      name: 'autobird_job_audio_seconds_total',
      help: 'Length of the sound that jobs of this process went through',
      registers: [registry],
    });
  }

  /** Registers what is read at each scrape of Prometheus. */
  watch(counts: () => JobCounts): void {
    new Gauge({
      name: 'autobird_jobs',
      help: 'Jobs that are not over, of all processes that share the folder',
      aggregator: 'max',
      labelNames: ['status'] as const,
      registers: [this.#registry],
      collect() {
        this.reset();
        try {
          for (const [status, count] of Object.entries(counts())) {
            this.set({ status: status as 'queued' | 'running' }, count);
          }
        } catch {
          // The search for jobs has logged the error; the other metrics are still shown.
        }
      },
    });
  }
}
