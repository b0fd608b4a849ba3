import { HttpProblem } from './HttpProblem.ts';

/** What one client holds. */
interface Share {
  units: number;
  readonly holds: Set<Hold>;
}

/** The part that a client above its fair share leaves for new clients. */
const reservedPart = 1 / 8;

function mostForOne(limit: number): number {
  return limit - Math.floor(limit * reservedPart);
}

/**
 * Whether a client that has `own` of something of which there is `limit`, one of so many `clients`, stays within its fair share,
 * and up to how much may be taken in all for it.
 */
export function fairShare(
  limit: number,
  { own, clients }: { readonly own: number; readonly clients: number },
): { readonly fair: number; readonly isFair: boolean; readonly most: number } {
  const fair = limit / clients;
  const isFair = own <= fair;
  return { fair, isFair, most: isFair ? limit : mostForOne(limit) };
}

/**
 * Something scarce that clients share: bytes of uploads in memory, connections for live audio, uploads of jobs. One client may
 * have seven eighths. The fair share is the limit by the number of clients that have some of it. A client within its fair share
 * finds room: where there is none, the client with the largest share above the fair one loses a hold whose bytes still arrive.
 * So slow or stalled connections of one client do not turn another one away.
 */
export class FairBudget {
  /** What one client may have at most. */
  readonly mostForOne: number;
  readonly #limit: number;
  readonly #refusal: string;
  readonly #shares = new Map<string, Share>();
  #taken = 0;

  /** @param refusal the message for a client for which there is no room */
  constructor(limit: number, refusal: string) {
    this.#limit = limit;
    this.#refusal = refusal;
    this.mostForOne = mostForOne(limit);
  }

  get taken(): number {
    return this.#taken;
  }

  /** A hold of nothing yet, for `client` ({@link clientKey}). Release it in the end. */
  hold(client: string): Hold {
    return new Hold(this, client);
  }

  /** @throws HttpProblem 503 where others hold too much; nothing is taken then */
  take(hold: Hold, units: number): void {
    const own = this.#shares.get(hold.client)?.units ?? 0;
    const clients = this.#shares.size + (own === 0 ? 1 : 0);
    const { fair, isFair, most } = fairShare(this.#limit, { own: own + units, clients });
    while (this.#taken + units > most) {
      const victim = isFair ? this.#greedy(hold.client, fair) : undefined;
      if (victim === undefined) throw this.refusal();
      victim.lose(this.refusal());
    }
    this.#taken += units;
    const share = this.#shares.get(hold.client) ?? { units: 0, holds: new Set() };
    this.#shares.set(hold.client, share);
    share.units += units;
    share.holds.add(hold);
  }

  give(hold: Hold, units: number): void {
    const share = this.#shares.get(hold.client);
    if (share === undefined || !share.holds.delete(hold)) return;
    this.#taken -= units;
    share.units -= units;
    if (share.holds.size === 0) this.#shares.delete(hold.client);
  }

  refusal(): HttpProblem {
    return new HttpProblem(503, 'overloaded', `${this.#refusal}: try again in a moment`, { retryAfterS: 1 });
  }

  /** The largest hold that can be lost, of the client with the largest share above the fair one. */
  #greedy(not: string, fair: number): Hold | undefined {
    const [largest] = [...this.#shares]
      .filter(([client, { units }]) => client !== not && units > fair)
      .sort(([, a], [, b]) => b.units - a.units)
      .flatMap(([, { holds }]) => [...holds].filter((hold) => hold.canBeLost).sort((a, b) => b.units - a.units));
    return largest;
  }
}

/** What one request, or connection, has of a budget. */
export class Hold implements Disposable {
  readonly client: string;
  /** Its bytes still arrive: it is lost where a client within its fair share needs the room. */
  canBeLost = false;
  readonly #budget: FairBudget;
  #units = 0;
  #lost: HttpProblem | null = null;
  #onLost = (_problem: HttpProblem) => {};

  constructor(budget: FairBudget, client: string) {
    this.#budget = budget;
    this.client = client;
  }

  get units(): number {
    return this.#units;
  }

  /** @throws HttpProblem 503 as {@link FairBudget.take}, and where the hold was lost */
  take(units: number): void {
    if (this.#lost !== null) throw this.#lost;
    this.#budget.take(this, units);
    this.#units += units;
  }

  /** `work`, or the refusal as soon as the hold is lost: work that waits for bytes would not notice. */
  async whileHeld<T>(work: Promise<T>): Promise<T> {
    this.canBeLost = true;
    work.catch(() => {});
    try {
      return await Promise.race([
        work,
        new Promise<never>((_resolve, reject) => {
          this.#onLost = reject;
        }),
      ]);
    } finally {
      this.canBeLost = false;
    }
  }

  lose(problem: HttpProblem): void {
    this.#lost = problem;
    this.release();
    this.#onLost(problem);
  }

  release(): void {
    this.#budget.give(this, this.#units);
    this.#units = 0;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
