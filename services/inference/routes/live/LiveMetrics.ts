import { Counter, Gauge, type Registry } from 'prom-client';

/** Metrics of live audio (docs/monitoring.md lists them). */
export class LiveMetrics {
  readonly connections: Gauge;
  readonly seconds: Counter<'model'>;
  readonly sessions: Counter<'code'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.connections = new Gauge({ name: 'autobird_live_connections', help: 'Open connections', registers });
    this.seconds = new Counter({
      name: 'autobird_live_audio_seconds_total',
      help: 'Length of the live audio that was received',
      labelNames: ['model'],
      registers,
    });
    this.sessions = new Counter({
      name: 'autobird_live_sessions_total',
      help: 'Connections that have ended, by the code they were closed with',
      labelNames: ['code'],
      registers,
    });
  }
}
