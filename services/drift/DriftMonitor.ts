import type { FastifyBaseLogger } from 'fastify';
import { AutobirdError, type DriftConfig } from '../../src/index.ts';
import type { TrendPoint } from '../../src/service.ts';
import { type AlarmRecord, alarmNotice, nextAlarm, quiet } from './AlarmRecord.ts';
import type { DriftState, StoredWindow } from './DriftState.ts';
import type { Comparison, DriftEvaluator, Sides } from './Evaluator.ts';
import { Webhook, webhookUrl } from './Webhook.ts';

/** Windows on the page. */
const windowsShown = 100;

export interface Evaluated {
  readonly comparison: Comparison;
  readonly at: Date;
  readonly tookMs: number;
}

/**
 * Looks at the log now and then: compares the windows that have ended, keeps them with the alarm, and the newest rows as
 * they are. Everything that takes long is the evaluator's.
 */
export class DriftMonitor {
  readonly #config: DriftConfig;
  readonly #evaluator: DriftEvaluator;
  readonly #state: DriftState;
  readonly #logger: FastifyBaseLogger;
  readonly #webhook: Webhook | null;
  #sides: Sides | null = null;
  #missing = 'Starting';
  #newest: Evaluated | null = null;
  #windowsClosed = 0;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(config: DriftConfig, evaluator: DriftEvaluator, state: DriftState, logger: FastifyBaseLogger) {
    this.#config = config;
    this.#evaluator = evaluator;
    this.#state = state;
    this.#logger = logger;
    const url = webhookUrl(config.monitor.webhook.url);
    this.#webhook = url === null ? null : new Webhook(url, config.monitor.webhook.timeoutS, state, logger);
  }

  /** What is compared; null while something is missing. */
  get sides(): Sides | null {
    return this.#sides;
  }

  /** What is missing, for people. */
  get missing(): string {
    return this.#missing;
  }

  /** The newest comparison that was made by itself; null before the first. */
  get newest(): Evaluated | null {
    return this.#newest;
  }

  /** Since the service began. */
  get windowsClosed(): number {
    return this.#windowsClosed;
  }

  /** Tries to deliver a notice of the alarm that failed since the service began; null without a webhook. */
  get webhookFailures(): number | null {
    return this.#webhook?.failures ?? null;
  }

  /** Evaluates now, and from then on every `drift.monitor.every_s`. Resolves after the first time. */
  async start(): Promise<void> {
    await this.evaluate();
    if (this.#closed) return;
    this.#timer = setInterval(() => void this.evaluate(), 1000 * this.#config.monitor.everyS);
    this.#timer.unref();
  }

  /** Takes up what is new. Never throws: what is wrong is logged and said by `missing`. */
  async evaluate(): Promise<void> {
    this.#running ??= this.#evaluate().finally(() => {
      this.#running = null;
      if (!this.#closed) this.#webhook?.deliver();
    });
    await this.#running;
  }

  /** Compares now. @throws AutobirdError of the evaluator */
  async compare({ sampleN = 0, page = false } = {}): Promise<Comparison> {
    if (this.#sides === null) await this.evaluate();
    if (this.#sides === null) throw new AutobirdError('not_ready', this.#missing);
    const trend = page ? this.windows(windowsShown).map(({ point }) => point) : [];
    return await this.#evaluator.compare({ sampleN, page: page ? { trend } : null });
  }

  /** The newest windows, the newest last. */
  windows(limit: number): readonly { readonly point: TrendPoint; readonly alarm: AlarmRecord }[] {
    if (this.#sides === null) return [];
    if (this.#sides.current.live) return this.#state.windows(this.#sides.series, limit);
    return withAlarms(this.#newest?.comparison.trend ?? [], this.#config.alarm).slice(-limit);
  }

  get alarm(): AlarmRecord {
    return this.windows(1)[0]?.alarm ?? quiet;
  }

  /** Ends the evaluator; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#evaluator.close();
    await this.#running;
    await this.#webhook?.close();
    this.#state.close();
  }

  async #evaluate(): Promise<void> {
    try {
      const sides = await this.#evaluator.look();
      if (sides.series !== this.#sides?.series) {
        this.#newest = null;
        this.#logger.info({ ...sides }, 'Comparing');
      }
      if (sides.problem !== null && sides.problem !== this.#sides?.problem) {
        this.#logger.error({ problem: sides.problem }, 'A newer reference was not taken up');
      }
      this.#sides = sides;
      if (sides.current.live) await this.#closeWindows(sides);
      const begin = performance.now();
      const comparison = await this.#evaluator.compare({ sampleN: 0, page: null });
      this.#newest = { comparison, at: new Date(), tookMs: performance.now() - begin };
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  async #closeWindows({ series, modelVersion }: Sides): Promise<void> {
    const last = this.#state.windows(series, 1)[0];
    let alarm = last?.alarm ?? quiet;
    for (const { point, end } of await this.#evaluator.closedWindows(last?.end ?? null)) {
      const before = alarm;
      alarm = nextAlarm(before, point, this.#config.alarm);
      const window: StoredWindow = { point: { ...point, alarm: alarm.raised }, end, alarm };
      const isChange = this.#webhook !== null && alarm.raised !== before.raised;
      this.#state.add(series, window, isChange ? alarmNotice(alarm, point, modelVersion) : null);
      this.#windowsClosed++;
      if (alarm.raised && !before.raised) this.#logger.warn({ ...alarm }, 'Drift alarm raised');
      if (!alarm.raised && before.raised) this.#logger.info({ since: alarm.since }, 'Drift alarm ended');
    }
  }

  #failed(error: Error): void {
    if (this.#closed) return;
    const { code, message } = error as AutobirdError;
    // Few rows are the usual state of a young log, not a failure: the sides are there.
    if (code === 'too_few_rows') return;
    if (message !== this.#missing) this.#logger.warn({ err: error }, 'Drift could not be evaluated');
    this.#missing = message;
    if (code !== 'evaluator_gone' && code !== 'overloaded') this.#sides = null;
  }
}

/** The alarm after each point. */
function withAlarms(points: readonly TrendPoint[], options: DriftConfig['alarm']) {
  let alarm = quiet;
  return points.map((point) => {
    alarm = nextAlarm(alarm, point, options);
    return { point, alarm };
  });
}
