import closeWithGrace from 'close-with-grace';
import type { FastifyBaseLogger } from 'fastify';

export interface StopOptions {
  /** Milliseconds that `stop` may take. */
  readonly delayMs: number;
  readonly logger: FastifyBaseLogger;
}

const wishes = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// systemd signals every process of a service, a terminal those of its job, and the first process tells the others too: what
// comes so soon after the first signal is the same wish once more.
const oneWishMs = 1000;

/**
 * Has `stop` end this process's work when a signal asks for it, or an error that nobody caught forces it, and ends the
 * process then, with 1 after an error or where it took too long. A second signal, later, ends it at once.
 */
export function stopGracefully({ delayMs, logger }: StopOptions, stop: () => Promise<void>): void {
  let stoppingSinceMs: number | null = null;
  const grace = closeWithGrace({ delay: delayMs, logger, skip: [...wishes] }, async ({ err }) => {
    stoppingSinceMs ??= performance.now();
    if (err) logger.error({ err }, 'Stopping after an error');
    await stop();
  });
  for (const signal of wishes) {
    process.on(signal, () => {
      if (stoppingSinceMs === null) {
        stoppingSinceMs = performance.now();
        logger.info({ signal }, 'Stopping');
        grace.close();
      } else if (performance.now() - stoppingSinceMs > oneWishMs) {
        logger.error({ signal }, 'Stopping at once');
        process.exit(1);
      }
    });
  }
}
