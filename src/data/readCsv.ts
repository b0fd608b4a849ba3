import { readFile } from 'node:fs/promises';
import { CsvError, type InfoRecord, parse } from 'csv-parse/sync';
import { FormatError } from '../../bindings/errors.ts';
import { decodeText } from './decodeText.ts';

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

/**
 * Reads a table as spreadsheets write it: UTF-8, UTF-16 or (with a note) Windows-1252; separated as {@link parseCsv} finds.
 *
 * @throws FormatError when it is no text (`bad_encoding`) or no table (`bad_csv`)
 */
export async function readCsv(path: string): Promise<CsvTable> {
  const { text, note } = decodeText(await readFile(path), path);
  const table = parseCsv(text, path);
  return note === null ? table : { ...table, notes: [note, ...table.notes] };
}

interface Parsed {
  readonly record: readonly string[];
  /** Where it begins. */
  readonly line: number;
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
  const [saidLine = '', said] = /^\uFEFF?sep=(.)\r?\n/i.exec(text) ?? [];
  const source = text.slice(saidLine.length).replace(/^\uFEFF/, '');
  const separator = said ?? guessSeparator(source);
  const parsed = parseRecords(source, separator, name);
  while (parsed.length > 1 && parsed.at(-1)?.record.every(isBlank)) parsed.pop();
  const [header, ...records] = parsed;
  if (header === undefined) throw new FormatError('bad_csv', `${name} is empty: expected a line with column names`);
  const named = header.record.map((field) => field.trim());
  const linesBefore = saidLine === '' ? 0 : 1;
  const lineOf = ({ line }: Parsed) => linesBefore + line;
  const width = records.reduce((most, { record }) => Math.max(most, lastFilled(record) + 1), lastFilled(named) + 1);
  if (width > named.length) {
    const long = records.find(({ record }) => lastFilled(record) >= named.length) as Parsed;
    throw new FormatError(
      'bad_csv',
      `${name} line ${lineOf(long)} has ${lastFilled(long.record) + 1} fields but the header names ${named.length} columns: put text that holds "${separator}" in double quotes`,
    );
  }
  const used = named
    .map((column, i) => ({ column, i }))
    .filter(({ column, i }) => column !== '' || records.some(({ record }) => !isBlank(record[i] ?? '')));
  const columns = used.map(({ column }) => column);
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined) throw new FormatError('bad_csv', `${name} has two columns named ${JSON.stringify(twice)}`);
  return {
    columns,
    rows: records.map(({ record }) => Object.fromEntries(used.map(({ column, i }) => [column, record[i] ?? '']))),
    lines: records.map(lineOf),
    decimalComma: separator !== ',',
    notes: [],
  };
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

function parseRecords(source: string, separator: string, name: string): Parsed[] {
  let lastLine = 0;
  const options = {
    delimiter: separator,
    // Raven quotes nothing, and an annotation may begin with a quote.
    quote: /^(?:[^\r\n]*\t)?Begin Time \(s\)\t/i.test(source) ? null : '"',
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    on_record: (record: readonly string[], { lines }: InfoRecord): Parsed => {
      lastLine = lines;
      return { record, line: lines - record.reduce((sum, field) => sum + lineBreaks(field), 0) };
    },
  };
  try {
    return parse(source, options as never) as unknown as Parsed[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const isOpen = error.code === 'CSV_QUOTE_NOT_CLOSED';
    const what = isOpen ? `has a quote in line ${lastLine + 1} that never closes` : `is no CSV: ${error.message}`;
    throw new FormatError('bad_csv', `${name} ${what}`, { cause: error });
  }
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
