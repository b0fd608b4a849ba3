import { HttpProblem } from './HttpProblem.ts';

/** Bytes of uploads that may be in memory at once, over all requests. */
export class ByteBudget {
  readonly #limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws HttpProblem 503 where the others have taken too much; nothing is taken then */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#limit) {
      throw new HttpProblem(503, 'overloaded', 'Too many uploads at once: try again in a moment', { retryAfterS: 1 });
    }
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
