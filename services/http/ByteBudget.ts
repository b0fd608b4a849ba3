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

/** What one request has taken of the budget: what it announced, and more only where it turns out to be more. */
export class Hold {
  readonly #budget: ByteBudget;
  #taken = 0;
  #used = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  use(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.#taken) this.take(this.#used - this.#taken);
  }

  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }
}
