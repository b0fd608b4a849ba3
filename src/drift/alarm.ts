/** An alarm that does not flicker: it takes several windows to raise it and a clearly lower level to end it. */
import { expected } from '../../bindings/errors.ts';

/** When an alarm is raised and when it ends. */
export interface AlarmOptions {
  /** A window is high from this level on. Default 0.5, Evidently's share of drifted columns. */
  readonly raiseAt?: number;
  /** A window is low below this level. Default half of `raiseAt`. */
  readonly clearBelow?: number;
  /** So many of the last `of` windows must be high to raise it, or low to end it. Default 2. */
  readonly windows?: number;
  /** Default 3. */
  readonly of?: number;
}

/** The alarm after a window. */
export interface AlarmState {
  readonly raised: boolean;
  /** This window raised or ended it. */
  readonly changed: boolean;
}

/** The state of an alarm: stored, so that a restart goes on with it. */
export interface AlarmMemory {
  readonly raised: boolean;
  /** Levels since it was raised or ended, the newest last. */
  readonly levels: readonly number[];
}

/** Raised and ended by levels of several windows. */
export class Alarm {
  readonly #raiseAt: number;
  readonly #clearBelow: number;
  readonly #windows: number;
  readonly #of: number;
  #levels: readonly number[];
  #raised: boolean;

  /** Goes on from `memory`. @throws InvalidArgumentError for a lower bound above the upper one, or more windows than are looked at */
  constructor(
    { raiseAt = 0.5, clearBelow = raiseAt / 2, windows = 2, of = 3 }: AlarmOptions = {},
    memory: AlarmMemory = { raised: false, levels: [] },
  ) {
    if (!(clearBelow <= raiseAt)) throw expected(`at most raiseAt (${raiseAt})`, 'clearBelow', clearBelow);
    if (!Number.isInteger(of) || of < 1) throw expected('a positive integer', 'of', of);
    if (!Number.isInteger(windows) || windows < 1 || windows > of) throw expected(`1 to ${of}`, 'windows', windows);
    this.#raiseAt = raiseAt;
    this.#clearBelow = clearBelow;
    this.#windows = windows;
    this.#of = of;
    this.#levels = memory.levels;
    this.#raised = memory.raised;
  }

  /** What to give the constructor to go on from here. */
  get memory(): AlarmMemory {
    return { raised: this.#raised, levels: this.#levels };
  }

  /** Takes the level of the next window. */
  add(level: number): AlarmState {
    this.#levels = [...this.#levels, level].slice(-this.#of);
    const matching = this.#levels.filter((one) =>
      this.#raised ? one < this.#clearBelow : one >= this.#raiseAt,
    ).length;
    const changed = matching >= this.#windows;
    if (changed) {
      this.#raised = !this.#raised;
      // The levels that led to this state must not count for its end.
      this.#levels = [];
    }
    return { raised: this.#raised, changed };
  }
}
