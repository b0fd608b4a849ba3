import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { FastifyBaseLogger } from 'fastify';

export interface StopOptions {
  /** Milliseconds from the signal to the end, at most. */
  readonly delayMs: number;
  /** After SIGTERM, which orchestrators send: `announce` is called at once, and `stop` so much later. */
  readonly lameDuck?: { readonly ms: number; readonly announce: () => void };
  readonly logger: FastifyBaseLogger;
}

const wishes = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// systemd signals every process of a service, a terminal those of its job, and the first process tells the others too: what
// comes so soon after the first signal is the same wish once more.
const oneWishMs = 1000;

/**
 * Has `stop` end this process's work when a signal comes or an error was not caught, and ends the
 * process then, with 1 after an error or where it took too long. A second signal, later, ends it at once.
 */
export function stopGracefully(
  { delayMs, lameDuck, logger }: StopOptions,
  stop: (signal: NodeJS.Signals) => Promise<void>,
): void {
  let wish: (typeof wishes)[number] = 'SIGTERM';
  let stoppingSinceMs: number | null = null;
  const grace = closeWithGrace({ delay: delayMs, logger, skip: [...wishes] }, async ({ err }) => {
    stoppingSinceMs ??= performance.now();
    if (err) logger.error({ err }, 'Stopping after an error');
    else if (lameDuck !== undefined && wish === 'SIGTERM') {
      lameDuck.announce();
      // What has begun must have time to end, too.
      await sleep(Math.min(lameDuck.ms, delayMs / 3));
    }
    await stop(wish);
  });
  for (const signal of wishes) {
    process.on(signal, () => {
      if (stoppingSinceMs === null) {
        stoppingSinceMs = performance.now();
        wish = signal;
        logger.info({ signal }, 'Stopping');
        grace.close();
      } else if (performance.now() - stoppingSinceMs > oneWishMs) {
        logger.error({ signal }, 'Stopping at once');
        process.exit(1);
      }
    });
  }
}
