import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, type InfoRecord, type Options, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { FormatError } from '../../bindings/errors.ts';
import { decodedUnicode, decodedWindows1252, NotUnicodeError, windows1252Note } from './decodeText.ts';

/** A table with a header; `rows[i]` maps column names to text, and `lines[i]` is where row i begins in the file. */
export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly lines: readonly number[];
  /** Cells may be numbers with a decimal comma: commas do not separate them. */
  readonly decimalComma: boolean;
  /** What was taken for granted in reading it. */
  readonly notes: readonly string[];
}

/** What a table's first lines say. */
export interface CsvHeader {
  /** In order; `''` where there is no name. */
  readonly columns: readonly string[];
  readonly decimalComma: boolean;
}

/** A row as it stands: maybe shorter than the header, empty where all its fields are blank. `line` is where it begins. */
export type CsvRow = (record: readonly string[], line: number) => void;

/** What is known of a table at its end. */
export interface CsvColumns {
  /** The columns with a name or a value, and their places in the header and the rows. */
  readonly used: readonly { readonly column: string; readonly place: number }[];
  readonly decimalComma: boolean;
  /** What was taken for granted in reading it. */
  readonly notes: readonly string[];
}

/** A table in a file, which is never in memory as a whole. */
export interface CsvFile {
  /**
   * Reads it row by row, also more than once. `start` is called with the header, and what it returns with every row; both
   * once more from the beginning where the table turns out to be no Unicode.
   *
   * @throws FormatError when it is no text (`bad_encoding`) or no table (`bad_csv`)
   */
  read(start: (header: CsvHeader) => CsvRow): Promise<CsvColumns>;
}

/** A table as spreadsheets write it: UTF-8, UTF-16 or (with a note) Windows-1252; else as {@link parseCsv}. */
export async function openCsv(path: string): Promise<CsvFile> {
  // A pipe gives its bytes once.
  const whole = (await stat(path)).isFile() ? null : await readFile(path);
  const bytes = () => (whole === null ? createReadStream(path, { highWaterMark: 1 << 18 }) : Readable.from([whole]));
  const read = async (start: (header: CsvHeader) => CsvRow) => {
    try {
      return await readPieces(decodedUnicode(bytes()), path, start);
    } catch (error) {
      if (!(error instanceof NotUnicodeError)) throw error;
      const table = await readPieces(decodedWindows1252(bytes(), path), path, start);
      return { ...table, notes: [windows1252Note(path), ...table.notes] };
    }
  };
  return { read };
}

async function readPieces(
  pieces: AsyncGenerator<string, void>,
  name: string,
  start: (header: CsvHeader) => CsvRow,
): Promise<CsvColumns> {
  let head = '';
  // A line `sep=;` and the header are whole where a third line has begun.
  while ((head.match(/\r\n|\r|\n/g)?.length ?? 0) < 3) {
    const { value, done } = await pieces.next();
    if (done) break;
    head += value;
  }
  const records = new Records(head, name, start);
  async function* source() {
    yield records.source;
    yield* pieces;
  }
  try {
    await pipeline(source, parse(records.options), async (none) => {
      for await (const _ of none);
    });
  } catch (error) {
    throw records.explained(error);
  }
  return records.end();
}

/**
 * Parses CSV as RFC 4180 has it: quoted fields may hold the separator, line breaks and doubled quotes. The separator is what a
 * first line `sep=;` says, or the one of `,` `;` and tab that splits the header best. Left out are blank lines, columns
 * without a name and without a value, and empty rows at the end; a row with fewer fields than the header has empty ones at
 * its end.
 *
 * @throws FormatError for a quote that never closes, a row longer than the header, or a column name that comes twice
 */
export function parseCsv(text: string, name = 'CSV'): CsvTable {
  const rows: (readonly string[])[] = [];
  const lines: number[] = [];
  const records = new Records(text, name, () => (record, line) => {
    rows.push(record);
    lines.push(line);
  });
  try {
    parseSync(records.source, records.options);
  } catch (error) {
    throw records.explained(error);
  }
  const { used, decimalComma, notes } = records.end();
  return {
    columns: used.map(({ column }) => column),
    rows: rows.map((record) => Object.fromEntries(used.map(({ column, place }) => [column, record[place] ?? '']))),
    lines,
    decimalComma,
    notes,
  };
}

/** The records of a table, one after the other. What is wrong with it is said at its end. */
class Records {
  /** What the parser is to read first: `head` without what only says how to read it. */
  readonly source: string;
  readonly options: Options;
  readonly #name: string;
  readonly #separator: string;
  readonly #linesBefore: number;
  readonly #start: (header: CsvHeader) => CsvRow;
  #named: readonly string[] | null = null;
  /** Places of columns without a name, and those of them that have a value. */
  #nameless: readonly number[] = [];
  readonly #usedNameless = new Set<number>();
  #row: CsvRow = () => {};
  #lastLine = 0;
  /** The first row with more fields than the header. */
  #longRow: { readonly line: number; readonly fields: number } | null = null;
  /** Lines of blank rows: they are left out where no other row follows. */
  #blankLines: number[] = [];

  /** `head` is the text, or so much of it that a third line has begun. */
  constructor(head: string, name: string, start: (header: CsvHeader) => CsvRow) {
    const [saidLine = '', said] = /^\uFEFF?sep=(.)\r?\n/i.exec(head) ?? [];
    this.source = head.slice(saidLine.length).replace(/^\uFEFF/, '');
    this.#separator = said ?? guessSeparator(this.source);
    this.#linesBefore = saidLine === '' ? 0 : 1;
    this.#name = name;
    this.#start = start;
    this.options = {
      delimiter: this.#separator,
      // Raven quotes nothing, and an annotation may begin with a quote.
      quote: /^(?:[^\r\n]*\t)?Begin Time \(s\)\t/i.test(this.source) ? null : '"',
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      // Nothing is kept by the parser.
      on_record: (record: readonly string[], { lines }: InfoRecord) => {
        this.#lastLine = lines;
        this.#add(record, this.#linesBefore + lines - record.reduce((sum, field) => sum + lineBreaks(field), 0));
        return null;
      },
    } as unknown as Options;
  }

  get #decimalComma(): boolean {
    return this.#separator !== ',';
  }

  /** @throws FormatError for a table that is empty, a row longer than the header, or a column name that comes twice */
  end(): CsvColumns {
    if (this.#named === null) {
      throw new FormatError('bad_csv', `${this.#name} is empty: expected a line with column names`);
    }
    if (this.#longRow !== null) {
      const { line, fields } = this.#longRow;
      throw new FormatError(
        'bad_csv',
        `${this.#name} line ${line} has ${fields} fields but the header names ${this.#named.length} columns: put text that holds "${this.#separator}" in double quotes`,
      );
    }
    const used = this.#named
      .map((column, place) => ({ column, place }))
      .filter(({ column, place }) => column !== '' || this.#usedNameless.has(place));
    const columns = used.map(({ column }) => column);
    const twice = columns.find((column, i) => columns.indexOf(column) !== i);
    if (twice !== undefined) {
      throw new FormatError('bad_csv', `${this.#name} has two columns named ${JSON.stringify(twice)}`);
    }
    return { used, decimalComma: this.#decimalComma, notes: [] };
  }

  /** An error of the parser as one that says where. */
  explained(error: unknown): unknown {
    if (!(error instanceof CsvError)) return error;
    const isOpen = error.code === 'CSV_QUOTE_NOT_CLOSED';
    const what = isOpen ? `has a quote in line ${this.#lastLine + 1} that never closes` : `is no CSV: ${error.message}`;
    return new FormatError('bad_csv', `${this.#name} ${what}`, { cause: error });
  }

  #add(record: readonly string[], line: number): void {
    if (this.#named === null) {
      this.#named = record.map((field) => field.trim());
      this.#nameless = this.#named.flatMap((column, place) => (column === '' ? [place] : []));
      this.#row = this.#start({ columns: this.#named, decimalComma: this.#decimalComma });
      return;
    }
    const last = lastFilled(record);
    if (last < 0) {
      this.#blankLines.push(line);
      return;
    }
    for (const blank of this.#blankLines) this.#row([], blank);
    this.#blankLines = [];
    if (last >= this.#named.length) this.#longRow ??= { line, fields: last + 1 };
    for (const place of this.#nameless) if (!isBlank(record[place] ?? '')) this.#usedNameless.add(place);
    this.#row(record, line);
  }
}

/** The number in a cell, null where it holds none. `decimalComma` reads `0,5` and `1.234,5` too. */
export function cellNumber(cell: string, { decimalComma }: Pick<CsvTable, 'decimalComma'>): number | null {
  const text = cell.trim();
  const hasComma = decimalComma && /^[+-]?(?:\d*|\d{1,3}(?:\.\d{3})+),\d+(?:e[+-]?\d+)?$/i.test(text);
  const plain = hasComma ? text.replaceAll('.', '').replace(',', '.') : text;
  // Hexadecimal and the like, which Number takes too, are text in a table.
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$|^[+-]?inf(?:inity)?$/i.test(plain)) return null;
  return Number(plain.replace(/inf(?:inity)?$/i, 'Infinity'));
}

function guessSeparator(source: string): string {
  const header = (/^[^\r\n]*/.exec(source)?.[0] ?? '').replace(/"[^"]*"/g, '');
  const count = (separator: string) => header.split(separator).length;
  return [',', ';', '\t'].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

function lineBreaks(field: string): number {
  return field.includes('\n') || field.includes('\r') ? (field.match(/\r\n|\r|\n/g)?.length ?? 0) : 0;
}

function isBlank(field: string): boolean {
  return field.trim() === '';
}

function lastFilled(record: readonly string[]): number {
  return record.findLastIndex((field) => !isBlank(field));
}
