import type { Tally } from './wire.ts';

export interface Attack {
  readonly name: string;
  /** How often, and what should come of it. */
  readonly describe: string;
  /** Answers that are right; anything else, a 5xx above all, is a finding. */
  readonly expected: RegExp;
  /** @param dir the folder of the service at `port`, with `models` in it */
  run(port: number, dir: string): Promise<Tally>;
}
