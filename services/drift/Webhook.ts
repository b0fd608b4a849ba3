import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import { AutobirdError } from '../../src/index.ts';
import type { DriftState } from './DriftState.ts';

const firstPauseMs = 1000;
const longestPauseMs = 300_000;
/** A notice that could not be delivered for so long is given up. */
const keptMs = 86_400_000;

/** The address of a configuration, else what the environment says; null without both. @throws AutobirdError `bad_webhook` */
export function webhookUrl(configured: string | null): string | null {
  const given = configured || process.env['AUTOBIRD_DRIFT_WEBHOOK_URL'] || null;
  if (given === null) return null;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return given;
  // The address may be a secret: it is not in the message.
  throw new AutobirdError(
    'bad_webhook',
    'Expected an address https://… without USER:PASSWORD@ for drift.monitor.webhook.url (AUTOBIRD_DRIFT_WEBHOOK_URL)',
  );
}

/**
 * Posts the notices of a drift state, the oldest first, until each is delivered. They are in the state's file with the window
 * that caused them, so a restart neither loses nor repeats one. The address appears in no message.
 */
export class Webhook {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #state: DriftState;
  readonly #logger: FastifyBaseLogger;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  /** Delivered, but perhaps still in the file. */
  #deliveredId = 0;
  #failures = 0;

  constructor(url: string, timeoutS: number, state: DriftState, logger: FastifyBaseLogger) {
    this.#url = url;
    this.#timeoutMs = 1000 * timeoutS;
    this.#state = state;
    this.#logger = logger;
  }

  /** Tries that failed since the service began. */
  get failures(): number {
    return this.#failures;
  }

  /** Begins to deliver what waits; returns at once. */
  deliver(): void {
    this.#running ??= this.#deliverAll()
      .catch((error) => this.#logger.error({ err: error }, 'Notices of the drift alarm cannot be read or removed'))
      .finally(() => {
        this.#running = null;
      });
  }

  /** Breaks off; what was not delivered waits in the file. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #deliverAll(): Promise<void> {
    const { signal } = this.#closing;
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const notice = this.#state.oldestNotice();
      if (notice === null) return;
      const problem = notice.id === this.#deliveredId ? null : await this.#post(notice.body);
      if (problem === null) {
        this.#deliveredId = notice.id;
        this.#state.removeNotice(notice.id);
        pauseMs = firstPauseMs;
        continue;
      }
      if (signal.aborted) return;
      this.#failures++;
      if (Date.now() - notice.atMs > keptMs) {
        this.#logger.error({ problem }, 'A notice of the drift alarm was given up after a day');
        this.#state.removeNotice(notice.id);
        continue;
      }
      this.#logger.warn({ problem, pauseS: pauseMs / 1000 }, 'A notice of the drift alarm was not delivered');
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
    }
  }

  /** Why it was not delivered, without the address; null where it was. */
  async #post(body: string): Promise<string | null> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        // A redirected POST arrives as a GET.
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#timeoutMs)]),
      });
      await response.body?.cancel();
      return response.ok ? null : `status ${response.status}`;
    } catch (error) {
      const { name, cause } = error as Error;
      return (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
    }
  }
}
