/** Limits of the cost of decoding, for recordings of unknown origin: time, and bytes for each byte of the file. */
import { AudioError } from '../../bindings/errors.ts';

export interface DecodeCosts {
  /** Decoded bytes (32-bit samples, all channels) for each byte of the file. */
  readonly maxDecodedRatio: number;
  /** Seconds in which something is decoded, as a clock on the wall counts them. */
  readonly maxDecodeS: number;
}

/** Silence is small in many formats, and a short one does no harm. */
const harmlessBytes = 64 * 2 ** 20;

export class DecodeBudget {
  readonly #maxDecodedRatio: number;
  readonly #maxDecodeS: number;
  readonly #fileBytes: number;
  readonly #nowMs: () => number;
  readonly #controller = new AbortController();
  #leftMs: number;

  /**
   * What `costs` leave out may cost anything.
   *
   * @param nowMs the clock; default `performance.now`
   */
  constructor(costs: Partial<DecodeCosts>, fileBytes: number, nowMs: () => number = () => performance.now()) {
    this.#maxDecodedRatio = costs.maxDecodedRatio ?? Number.POSITIVE_INFINITY;
    this.#maxDecodeS = costs.maxDecodeS ?? Number.POSITIVE_INFINITY;
    this.#fileBytes = fileBytes;
    this.#nowMs = nowMs;
    this.#leftMs = 1000 * this.#maxDecodeS;
  }

  /** Aborted with AudioError `decode_budget_exceeded` when the time is used up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does `work`, whose time counts; what others do between two calls does not. */
  async spend<T>(work: () => Promise<T>): Promise<T> {
    const begin = this.#nowMs();
    // Timers take no infinite time, and no caller waits longer than this one.
    const timer = setTimeout(() => this.#stop(), Math.min(this.#leftMs, 2 ** 31 - 1));
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      this.#leftMs -= this.#nowMs() - begin;
      if (this.#leftMs < 0) this.#stop();
    }
  }

  /** @throws AudioError `ratio_too_large` */
  checkRatio(decodedSamples: number, channels: number): void {
    const bytes = 4 * decodedSamples * channels;
    if (bytes <= harmlessBytes || bytes <= this.#maxDecodedRatio * this.#fileBytes) return;
    throw new AudioError(
      'ratio_too_large',
      `A file of ${this.#fileBytes} bytes has given ${bytes} bytes of sound, more than ${this.#maxDecodedRatio} times as much: it is nearly empty, or made to fill memory. Cut it into shorter files, or raise the limit`,
    );
  }

  #stop(): void {
    this.#controller.abort(
      new AudioError(
        'decode_budget_exceeded',
        `Decoding took longer than ${this.#maxDecodeS} s: send a shorter recording or another format, or raise the limit`,
      ),
    );
  }
}
