import { runCli } from './runCli.ts';

/** `timeout`, npm and process managers signal the process and its group: that is one wish, not two. */
const oneWishMs = 1000;

/** Runs the command line in this process. The first Ctrl-C stops the work cleanly, the second one at once. */
export async function start(words: readonly string[]): Promise<void> {
  const interrupt = new AbortController();
  let firstMs = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) {
        if (performance.now() - firstMs > oneWishMs) process.exit(130);
        return;
      }
      firstMs = performance.now();
      interrupt.abort(new DOMException(`Stopped by ${signal}`, 'AbortError'));
    });
  }
  // `autobird predict … | head` closes the pipe early: not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await runCli(words, { stdout: process.stdout, stderr: process.stderr }, interrupt.signal);
}
