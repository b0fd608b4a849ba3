/** The cells of one column while its rows are read: numbers as numbers, each text once. */
import type { DriftColumn, DriftValue } from './table.ts';

const firstCapacity = 1024;
const missing = 0;
/** The code of a cell that is in `#numbers`; others are 1 + the place of their text. */
const isNumber = 0xffff_ffff;

export class ColumnCells {
  #length = 0;
  /** NaN where a cell is no number; null while there is none. */
  #numbers: Float64Array | null = null;
  /** Null while all cells are numbers. */
  #codes: Uint32Array | null = null;
  readonly #texts: string[];
  readonly #codeOf: Map<string, number>;

  constructor(texts: string[] = [], codeOf = new Map<string, number>()) {
    this.#texts = texts;
    this.#codeOf = codeOf;
  }

  get length(): number {
    return this.#length;
  }

  get hasNumbers(): boolean {
    return this.#numbers !== null;
  }

  /** `true` and `false` become text. */
  push(value: DriftValue): void {
    const place = this.#length++;
    if (typeof value === 'number') {
      this.#numbers ??= new Float64Array(Math.max(firstCapacity, place)).fill(Number.NaN, 0, place);
      this.#numbers = withRoom(this.#numbers, place);
      this.#numbers[place] = value;
      if (this.#codes === null) return;
    } else if (this.#numbers !== null) {
      this.#numbers = withRoom(this.#numbers, place);
      this.#numbers[place] = Number.NaN;
    }
    this.#codes ??= new Uint32Array(Math.max(firstCapacity, place)).fill(isNumber, 0, place);
    this.#codes = withRoom(this.#codes, place);
    this.#codes[place] = typeof value === 'number' ? isNumber : value === null ? missing : this.#codeFor(String(value));
  }

  /** Adds missing cells up to a length. */
  padTo(length: number): this {
    while (this.#length < length) this.push(null);
    return this;
  }

  at(place: number): number | string | null {
    const code = this.#codes === null ? isNumber : (this.#codes[place] as number);
    return code === isNumber ? (this.#numbers?.[place] as number) : (this.#texts[code - 1] ?? null);
  }

  /** Some cells, in the order of `places`. */
  pick(places: Uint32Array): ColumnCells {
    const [numbers, codes] = [this.#numbers, this.#codes];
    const picked = new ColumnCells(this.#texts, this.#codeOf);
    picked.#length = places.length;
    picked.#numbers = numbers && Float64Array.from(places, (place) => numbers[place] as number);
    picked.#codes = codes && places.map((place) => codes[place] as number);
    return picked;
  }

  /** Numeric where every value that is there is a number; else numbers become text too. Shares memory with the cells. */
  column(): DriftColumn {
    const codes = (this.#codes ?? new Uint32Array()).subarray(0, this.#length);
    const values = (this.#numbers ?? new Float64Array()).subarray(0, this.#length);
    const areNumbers = this.#codes === null ? this.#length > 0 : codes.includes(isNumber);
    const areTexts = codes.some((code) => code !== isNumber && code !== missing);
    if (areNumbers && !areTexts) return { kind: 'number', integer: values.every(Number.isInteger), values };
    if (!areNumbers) return { kind: 'text', texts: this.#texts, codes };
    const mixed = new ColumnCells();
    for (let place = 0; place < this.#length; place++) {
      const value = this.at(place);
      mixed.push(value === null ? null : String(value));
    }
    return mixed.column();
  }

  #codeFor(text: string): number {
    const known = this.#codeOf.get(text);
    if (known !== undefined) return known;
    const code = this.#texts.push(text);
    this.#codeOf.set(text, code);
    return code;
  }
}

/** The same array, or a copy of twice its length, so that `place` is in it. */
function withRoom<T extends Float64Array | Uint32Array>(array: T, place: number): T {
  if (place < array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(2 * array.length);
  larger.set(array);
  return larger;
}
