/**
 * Seeded random numbers without a state to save: every use takes the stream of its own place
 * (`randomFor(seed, 'mix', epoch, step)`), so a resumed run draws what the undisturbed one would have drawn.
 */

/** sfc32 (Chris Doty-Humphrey, PractRand), seeded by hashing a name. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(name: string) {
    let state = 0x9e3779b9;
    for (const character of name) state = mix(state, character.codePointAt(0) as number);
    [this.#a, this.#b, this.#c] = [state, mix(state, 1), mix(state, 2)];
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const out = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** In [0, 1), 53 bits. */
  next(): number {
    const high = this.uint32() >>> 5;
    return (high * 67_108_864 + (this.uint32() >>> 6)) / 9_007_199_254_740_992;
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Standard normal (Box and Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** 0 to n - 1 in random order (Fisher and Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const moved = order[i] as number;
      order[i] = order[j] as number;
      order[j] = moved;
    }
    return order;
  }
}

/** The stream of one purpose at one place: equal ones give equal numbers, different ones unrelated numbers. */
export function randomFor(seed: number, purpose: string, ...place: readonly number[]): Random {
  return new Random([purpose, seed, ...place].join(' '));
}

/** The finaliser of MurmurHash3 over a running state. */
function mix(state: number, value: number): number {
  let h = (Math.imul(state ^ value, 0x85ebca6b) + 0x7ed55d16) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}
