/** How many requests a second a server serves in time. */
import { generateLoad, type LoadOptions } from './generateLoad.ts';

export interface RateStep {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failures: number;
  readonly ok: boolean;
}

export interface MaximumRate {
  /** The highest rate that was served in time; 0 where none was. */
  readonly rate: number;
  readonly steps: readonly RateStep[];
}

/**
 * The highest open-loop rate whose p99 stays within `p99Ms` and where nothing fails: doubled from `rate` until it does
 * not hold, then halved between to within 5 %. Each step lasts `durationS` (default 30).
 */
export async function findMaximumRate(
  options: LoadOptions & { readonly rate: number },
  p99Ms: number,
  onStep: (step: RateStep) => void = () => {},
): Promise<MaximumRate> {
  const steps: RateStep[] = [];
  const hold = async (rate: number): Promise<boolean> => {
    const { statistics } = await generateLoad({ ...options, rate });
    const { latency, failures } = statistics.all;
    const p99 = latency.percentileMs(0.99);
    const ok = failures === 0 && p99 <= p99Ms;
    const step = { rate, p50Ms: latency.percentileMs(0.5), p99Ms: p99, failures, ok };
    steps.push(step);
    onStep(step);
    return ok;
  };
  let low = 0;
  let high = options.rate;
  while (await hold(high)) {
    low = high;
    high *= 2;
  }
  while (low > 0 && high / low > 1.05) {
    const middle = (low + high) / 2;
    if (await hold(middle)) low = middle;
    else high = middle;
  }
  return { rate: low, steps };
}
