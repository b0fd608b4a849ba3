/** The rows of one side of a comparison, column by column: as an object each, a million rows would take gigabytes. */
import { InvalidArgumentError } from '../../bindings/errors.ts';
import { ColumnCells } from './ColumnCells.ts';
import type { Embeddings } from './embeddingDrift.ts';
import type { DriftTable, DriftValue } from './table.ts';

/** One recording (or clip, or request). */
export interface DriftRow {
  /** Where it comes from. */
  readonly recording?: string | null;
  /** Features, and `target` or `prediction`: the label. */
  readonly values: Readonly<Record<string, DriftValue>>;
  /** Best score of the model. */
  readonly confidence?: number | null;
  readonly embedding?: Float32Array | null;
  /** ISO 8601, without a zone in UTC: what windows are ordered by; a row without it stays behind the one before it. */
  readonly at?: string | null;
}

/** What embeddings are added to and read from: an array is one. */
export interface EmbeddingStore extends Embeddings, Partial<Disposable> {
  push(embedding: Float32Array): unknown;
}

/**
 * Rows that are kept column by column. Going through them gives each as a {@link DriftRow}. Disposing of them closes the
 * temporary file of their embeddings, where they have one; some rows of others share it.
 */
export class DriftRows implements Iterable<DriftRow>, Disposable {
  #length = 0;
  readonly #columns: Map<string, ColumnCells>;
  #confidences = new ColumnCells();
  #recordings: (string | null)[] = [];
  #times: (string | null)[] = [];
  readonly #embeddings: EmbeddingStore;
  /** Where the embedding of a row is in `#embeddings`. */
  #embeddingPlaces = new ColumnCells();
  #table: DriftTable | null = null;

  constructor(embeddings: EmbeddingStore = [], columns = new Map<string, ColumnCells>()) {
    this.#embeddings = embeddings;
    this.#columns = columns;
  }

  /** Rows as they are, or kept column by column. */
  static of(rows: Iterable<DriftRow>): DriftRows {
    if (rows instanceof DriftRows) return rows;
    const made = new DriftRows();
    for (const row of rows) made.push(row);
    return made;
  }

  /** Columns that were read already, of rows with these times and confidences. */
  static ofColumns(
    columns: Map<string, ColumnCells>,
    beside: { readonly confidences: ColumnCells; readonly times: (string | null)[] },
  ): DriftRows {
    const made = new DriftRows([], columns);
    made.#length = beside.times.length;
    made.#confidences = beside.confidences;
    made.#times = beside.times;
    return made;
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length;
  }

  /** Of the columns, in the order in which rows brought them. */
  get names(): readonly string[] {
    return [...this.#columns.keys()];
  }

  /** ISO 8601, null where it is not known. */
  get times(): readonly (string | null)[] {
    return this.#times;
  }

  /** Adds a row at the end. */
  push({ recording = null, values, confidence = null, embedding = null, at = null }: DriftRow): void {
    for (const [name, value] of Object.entries(values)) {
      const cells = this.#columns.get(name) ?? new ColumnCells();
      cells.padTo(this.#length).push(value ?? null);
      this.#columns.set(name, cells);
    }
    this.#embeddingPlaces.push(embedding && this.#embeddings.length);
    if (embedding !== null) this.#embeddings.push(embedding);
    this.#confidences.push(confidence);
    this.#recordings.push(recording);
    this.#times.push(at);
    this.#length++;
    this.#table = null;
  }

  /**
   * All values, column by column.
   *
   * @throws InvalidArgumentError where there is no row or no column
   */
  get table(): DriftTable {
    if (this.#length === 0 || this.#columns.size === 0) {
      throw new InvalidArgumentError(
        `Expected rows with columns to compare but received ${this.#length} rows with ${this.#columns.size} columns`,
      );
    }
    this.#table ??= {
      rows: this.#length,
      columns: new Map([...this.#columns].map(([name, cells]) => [name, cells.padTo(this.#length).column()])),
    };
    return this.#table;
  }

  /** Whether a row has the confidence of its prediction. */
  get hasConfidences(): boolean {
    return this.#confidences.hasNumbers;
  }

  /** Those that are there and finite. */
  get confidences(): Float64Array {
    const column = this.#confidences.column();
    return column.kind === 'number' ? column.values.filter(Number.isFinite) : new Float64Array();
  }

  /** Of the rows that have one, in their order. */
  get embeddings(): Embeddings {
    const column = this.#embeddingPlaces.column();
    const places = column.kind === 'number' ? column.values.filter(Number.isFinite) : new Float64Array();
    return { length: places.length, at: (i) => this.#embeddings.at(places[i] as number) };
  }

  /** Some rows, in the order of `places`. */
  pick(places: Uint32Array): DriftRows {
    const columns = [...this.#columns].map(([name, cells]) => [name, cells.padTo(this.#length).pick(places)] as const);
    const picked = new DriftRows(this.#embeddings, new Map(columns));
    picked.#length = places.length;
    picked.#confidences = this.#confidences.pick(places);
    picked.#recordings = Array.from(places, (place) => this.#recordings[place] ?? null);
    picked.#times = Array.from(places, (place) => this.#times[place] ?? null);
    picked.#embeddingPlaces = this.#embeddingPlaces.padTo(this.#length).pick(places);
    return picked;
  }

  /** Places of the rows with each text of a column, in their order; numbers are read as text. */
  placesByText(name: string): Map<string, Uint32Array> {
    const cells = this.#columns.get(name)?.padTo(this.#length);
    const found = new Map<string, number[]>();
    for (let place = 0; cells !== undefined && place < this.#length; place++) {
      const value = cells.at(place);
      if (value === null) continue;
      const places = found.get(String(value));
      if (places === undefined) found.set(String(value), [place]);
      else places.push(place);
    }
    return new Map([...found].map(([text, places]) => [text, Uint32Array.from(places)]));
  }

  *[Symbol.iterator](): Generator<DriftRow, void> {
    for (const cells of this.#columns.values()) cells.padTo(this.#length);
    const embeddings = this.#embeddings;
    const places = this.#embeddingPlaces.padTo(this.#length);
    for (let row = 0; row < this.#length; row++) {
      const place = places.at(row) as number | null;
      yield {
        recording: this.#recordings[row] ?? null,
        values: Object.fromEntries([...this.#columns].map(([name, cells]) => [name, cells.at(row)])),
        confidence: this.#confidences.at(row) as number | null,
        // Read only where it is wanted.
        get embedding() {
          return place === null ? null : (embeddings.at(place) ?? null);
        },
        at: this.#times[row] ?? null,
      };
    }
  }

  [Symbol.dispose](): void {
    this.#embeddings[Symbol.dispose]?.();
  }
}
