import { readFileSync } from 'node:fs';

/** Anonymous resident memory of this process: what it holds itself, touched pages of mapped files aside. Linux only. */
export function anonymousBytes(): number {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? Number.NaN) * 1024;
}

/** Samples the anonymous memory until `stop`, which gives the largest value seen. */
export function watchAnonymousMemory(intervalMs = 50): { stop(): number } {
  let peak = anonymousBytes();
  const timer = setInterval(() => {
    peak = Math.max(peak, anonymousBytes());
  }, intervalMs);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(peak, anonymousBytes());
    },
  };
}
